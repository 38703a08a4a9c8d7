package openapi

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Undescribed are the routes that the description says nothing of.
func (d *Document) Undescribed() []string { return d.undescribed }

// Operations are all that the document has, as routes.
func (d *Document) Operations() []string {
	var all []string
	for path, item := range d.root["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method != "parameters" {
				all = append(all, method+" "+path)
			}
		}
	}
	return all
}

// Check holds an answer against a schema of the document: whether what must be there is, whether something is there that the schema does
// not know, and whether all is of its type.
func (d *Document) Check(schema string, answer []byte) error {
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		return err
	}
	return d.check(map[string]any{"$ref": "#/components/schemas/" + schema}, v, schema)
}

func (d *Document) check(schema, v any, at string) error {
	s := d.resolve(schema)
	if s == nil {
		return fmt.Errorf("%s: there is no such schema", at)
	}
	if options, ok := s["anyOf"].([]any); ok {
		var err error
		for _, one := range options {
			if err = d.check(one, v, at); err == nil {
				return nil
			}
		}
		return err
	}
	if values, ok := s["enum"].([]any); ok && !slices.Contains(values, v) {
		return fmt.Errorf("%s: %v is not listed", at, v)
	}
	kind, ok := text(s["type"]), false
	switch kind {
	case "string":
		_, ok = v.(string)
	case "boolean":
		_, ok = v.(bool)
	case "null":
		ok = v == nil
	case "number", "integer":
		var n float64
		n, ok = v.(float64)
		ok = ok && (kind == "number" || n == float64(int64(n)))
	case "array":
		list, isList := v.([]any)
		ok = isList
		for i, one := range list {
			if err := d.check(s["items"], one, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case "object":
		object, isObject := v.(map[string]any)
		ok = isObject
		if err := d.checkObject(s, object, at); isObject && err != nil {
			return err
		}
	}
	if !ok {
		return fmt.Errorf("%s: %v is no %s", at, v, kind)
	}
	return nil
}

func (d *Document) checkObject(s, object map[string]any, at string) error {
	properties, closed := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := object[text(name)]; !ok {
			return fmt.Errorf("%s: %s is missing", at, name)
		}
	}
	for name, v := range object {
		of, known := properties[name]
		if rest, ok := s["additionalProperties"]; ok && !known {
			of, known = rest, true
		}
		switch {
		case !known && closed:
			return fmt.Errorf("%s: %s is not described", at, name)
		case known:
			if err := d.check(of, v, at+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}

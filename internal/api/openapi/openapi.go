// Package openapi describes the HTTP API to programs and people: as an OpenAPI document, and as a page made of it that needs no
// script.
package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

//go:embed openapi.yaml
var source []byte

//go:embed page.html
var pageSource string

// Document is the API's description. It does not change.
type Document struct {
	root map[string]any
	// JSON is what is served to programs.
	json []byte
	html []byte
	// undescribed are routes that the description says nothing of.
	undescribed []string
}

// New makes the document of an API with these routes, patterns of net/http.ServeMux with a method; those that are not under /api/ are left
// out. What is not described is listed by its name, so that nothing is missing.
func New(routes []string) (*Document, error) {
	d := &Document{}
	if err := yaml.Unmarshal(source, &d.root); err != nil {
		return nil, fmt.Errorf("reading the API's description: %w", err)
	}
	paths := d.root["paths"].(map[string]any)
	for _, route := range routes {
		method, path, ok := strings.Cut(route, " ")
		if !ok || !strings.HasPrefix(path, "/api/") {
			continue
		}
		item, _ := paths[path].(map[string]any)
		if item == nil {
			item = map[string]any{}
			paths[path] = item
		}
		if method = strings.ToLower(method); item[method] == nil {
			d.undescribed = append(d.undescribed, route)
			item[method] = map[string]any{
				"tags": []any{"other"}, "summary": "Described in docs/http-api.md.",
				"responses": map[string]any{"default": map[string]any{"description": "Described in docs/http-api.md."}},
			}
		}
	}
	var err error
	if d.json, err = json.Marshal(d.root); err != nil {
		return nil, fmt.Errorf("encoding the API's description: %w", err)
	}
	return d, d.render()
}

// ServeJSON answers with the document.
func (d *Document) ServeJSON(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(d.json)
}

// ServePage answers with the document as a page.
func (d *Document) ServePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(d.html)
}

// Operation is one thing that can be asked for, as the page shows it.
type operation struct {
	Method, Path, Summary string
	Request               string
	Answers               []reply
}

type reply struct{ Status, Description, Schema string }

type group struct {
	Name, Description string
	Operations        []operation
}

func (d *Document) render() error {
	var groups []group
	for _, t := range d.root["tags"].([]any) {
		tag := t.(map[string]any)
		groups = append(groups, group{Name: text(tag["name"]), Description: text(tag["description"])})
	}
	paths := d.root["paths"].(map[string]any)
	for _, path := range sortedKeys(paths) {
		item := paths[path].(map[string]any)
		for _, method := range []string{"get", "post", "patch", "put", "delete"} {
			op, ok := item[method].(map[string]any)
			if !ok {
				continue
			}
			shown := operation{Method: strings.ToUpper(method), Path: path, Summary: text(op["summary"]), Request: d.schemaOf(op["requestBody"])}
			answers, _ := op["responses"].(map[string]any)
			for _, status := range sortedKeys(answers) {
				answer := d.resolve(answers[status])
				shown.Answers = append(shown.Answers, reply{status, text(answer["description"]), d.schemaOf(answer)})
			}
			tag := text(op["tags"].([]any)[0])
			i := slices.IndexFunc(groups, func(g group) bool { return g.Name == tag })
			if i < 0 {
				return fmt.Errorf("the API's description: %s %s has the unknown tag %q", method, path, tag)
			}
			groups[i].Operations = append(groups[i].Operations, shown)
		}
	}
	schemas := d.root["components"].(map[string]any)["schemas"].(map[string]any)
	type named struct{ Name, Form string }
	var forms []named
	for _, name := range sortedKeys(schemas) {
		forms = append(forms, named{name, d.form(schemas[name], 0)})
	}
	page, err := template.New("docs").Funcs(template.FuncMap{"linked": linked(schemas)}).Parse(pageSource)
	if err != nil {
		return fmt.Errorf("reading the page of the API's description: %w", err)
	}
	var out bytes.Buffer
	err = page.Execute(&out, map[string]any{"Info": d.root["info"], "Groups": groups, "Forms": forms})
	d.html = out.Bytes()
	return err
}

// formName is what a form's name looks like within others.
var formName = regexp.MustCompile(`\b[A-Z][A-Za-z]+\b`)

// linked gives names of forms, in what a form is made of, the way to where they are.
func linked(schemas map[string]any) func(string) template.HTML {
	return func(form string) template.HTML {
		return template.HTML(formName.ReplaceAllStringFunc(template.HTMLEscapeString(form), func(name string) string { // #nosec: escaped above
			if _, ok := schemas[name]; !ok {
				return name
			}
			return `<a href="#` + name + `">` + name + `</a>`
		}))
	}
}

// schemaOf is the form of a body's JSON.
func (d *Document) schemaOf(body any) string {
	content, _ := d.resolve(body)["content"].(map[string]any)
	media, ok := content["application/json"].(map[string]any)
	if !ok {
		return ""
	}
	return d.form(media["schema"], 0)
}

// form writes a schema as the documents do: {"name": type, "optional"?: type}.
func (d *Document) form(schema any, depth int) string {
	s, _ := schema.(map[string]any)
	if ref := text(s["$ref"]); ref != "" {
		return ref[strings.LastIndex(ref, "/")+1:]
	}
	if depth > 6 {
		return "…"
	}
	if any, ok := s["anyOf"].([]any); ok {
		var all []string
		for _, one := range any {
			all = append(all, d.form(one, depth+1))
		}
		return strings.Join(all, " | ")
	}
	if values, ok := s["enum"].([]any); ok {
		var all []string
		for _, v := range values {
			all = append(all, fmt.Sprintf("%q", v))
		}
		return strings.Join(all, " | ")
	}
	switch text(s["type"]) {
	case "array":
		return "[" + d.form(s["items"], depth+1) + "]"
	case "object":
		if of, ok := s["additionalProperties"]; ok {
			return "{name: " + d.form(of, depth+1) + "}"
		}
		properties, _ := s["properties"].(map[string]any)
		required, _ := s["required"].([]any)
		var all []string
		for _, name := range sortedKeys(properties) {
			mark := ""
			if !slices.Contains(required, any(name)) {
				mark = "?"
			}
			all = append(all, fmt.Sprintf("%q%s: %s", name, mark, d.form(properties[name], depth+1)))
		}
		return "{" + strings.Join(all, ", ") + "}"
	}
	return text(s["type"])
}

// resolve follows a reference within the document.
func (d *Document) resolve(v any) map[string]any {
	m, _ := v.(map[string]any)
	ref := strings.TrimPrefix(text(m["$ref"]), "#/")
	if ref == "" {
		return m
	}
	at := d.root
	for _, part := range strings.Split(ref, "/") {
		at, _ = at[part].(map[string]any)
	}
	return at
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

package config

import (
	"errors"
	"net/url"
)

// Storage is the S3 server that finished recordings are uploaded to. The variables are named, since they would be TUTTI_S_3_... otherwise.
type Storage struct {
	S3Endpoint  string `help:"S3 server that finished recordings are uploaded to, https://HOST; none when empty." placeholder:"URL" name:"s3-endpoint" env:"TUTTI_S3_ENDPOINT"`
	S3Bucket    string `help:"The bucket there." placeholder:"NAME" name:"s3-bucket" env:"TUTTI_S3_BUCKET"`
	S3Region    string `help:"Its region; us-east-1 when empty, which servers of one's own take." placeholder:"NAME" name:"s3-region" env:"TUTTI_S3_REGION"`
	S3Prefix    string `help:"Folder in the bucket." placeholder:"NAME" name:"s3-prefix" env:"TUTTI_S3_PREFIX"`
	S3PathStyle bool   `help:"Name the bucket in the path and not in the host's name, as servers of one's own want it." name:"s3-path-style" env:"TUTTI_S3_PATH_STYLE"`
	S3Key       string `help:"Access key for the bucket." placeholder:"KEY" name:"s3-key" env:"TUTTI_S3_KEY"`
	S3Secret    string `help:"The secret of that key; better in TUTTI_S3_SECRET or tutti.yaml than on a command line." placeholder:"SECRET" name:"s3-secret" env:"TUTTI_S3_SECRET"`
	S3Local     string `help:"Whether the local copy of what was uploaded is kept: keep or remove." enum:"keep,remove" default:"keep" name:"s3-local" env:"TUTTI_S3_LOCAL"`
}

// validate gives everything that is wrong with the settings above.
func (s *Storage) validate() (errs []error) {
	if s.S3Endpoint == "" {
		if s.S3Bucket != "" || s.S3Key != "" || s.S3Secret != "" {
			errs = append(errs, errors.New("s3-endpoint: is missing"))
		}
		return errs
	}
	if u, err := url.Parse(s.S3Endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" && u.Path != "/" {
		errs = append(errs, errors.New("s3-endpoint: must be https://HOST or http://HOST:PORT"))
	}
	for name, value := range map[string]string{"s3-bucket": s.S3Bucket, "s3-key": s.S3Key, "s3-secret": s.S3Secret} {
		if value == "" {
			errs = append(errs, errors.New(name+": is missing"))
		}
	}
	return errs
}

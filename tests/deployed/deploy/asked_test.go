//go:build full

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/dozeio/doze/tests/kit/stack"
)

// caller asks a stand-in for AWS as somebody, without the SDK's help: so that a test sees each answer as it is.
type caller struct {
	endpoint string
	as       aws.Credentials
}

// root may do everything.
func root(endpoint string) caller {
	return caller{endpoint, aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}}
}

// query asks a service with the query protocol, such as IAM, and reads the XML that it answers.
func (c caller) query(ctx context.Context, service, version, action string, into any, parameters ...string) error {
	form := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	status, text, err := c.ask(ctx, service, http.MethodPost, "/", []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", action, status, text)
	}
	if err != nil || into == nil {
		return err
	}
	return xml.Unmarshal(text, into)
}

// ask sends a signed request.
func (c caller) ask(ctx context.Context, service, method, path string, body []byte, headers ...string) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, c.as, r, hex.EncodeToString(sum[:]), service, stack.Region, time.Now()); err != nil {
		return 0, nil, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// assume returns a caller with a role.
func (c caller) assume(ctx context.Context, role string) (caller, error) {
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`
	if err := c.query(ctx, "iam", "2010-05-08", "UpdateAssumeRolePolicy", nil, "RoleName", role, "PolicyDocument", trust); err != nil {
		return caller{}, err
	}
	var answer struct {
		Key    string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
		Token  string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	}
	err := c.query(ctx, "sts", "2011-06-15", "AssumeRole", &answer, "RoleArn", "arn:aws:iam::000000000000:role/"+role, "RoleSessionName", "test")
	return caller{c.endpoint, aws.Credentials{AccessKeyID: answer.Key, SecretAccessKey: answer.Secret, SessionToken: answer.Token}}, err
}

package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dozeio/doze/internal/instrument"
)

// serializedSocket is a socket as the page shows it, with the names and the order of Node's.
type serializedSocket struct {
	ID        string          `json:"id"`
	ClientID  string          `json:"clientId"`
	Transport string          `json:"transport"`
	Namespace string          `json:"nsp"`
	Data      json.RawMessage `json:"data"`
	Handshake handshake       `json:"handshake"`
	Rooms     []string        `json:"rooms"`
}

type handshake struct {
	Address string            `json:"address"`
	Headers map[string]string `json:"headers"`
	Query   map[string]string `json:"query"`
	Issued  int64             `json:"issued"` // milliseconds
	Secure  bool              `json:"secure"`
	Time    string            `json:"time"`
	URL     string            `json:"url"`
	XDomain bool              `json:"xdomain"`
}

// dateText is how JavaScript writes a date as text, in UTC.
const dateText = "Mon Jan 02 2006 15:04:05 GMT-0700 (Coordinated Universal Time)"

func serialize(s instrument.Socket) serializedSocket {
	headers := nodeHeaders(s.Header)
	h := handshake{
		Address: s.Address, Headers: headers, Query: last(s.Query), Issued: s.Time.UnixMilli(), Secure: s.Secure,
		Time: s.Time.UTC().Format(dateText), URL: s.URL, XDomain: s.XDomain,
	}
	for _, name := range []string{"x-forwarded-for", "cf-connecting-ip"} { // the last goes before
		if headers[name] != "" {
			h.Address = headers[name]
		}
	}
	return serializedSocket{
		ID: s.ID, ClientID: s.ClientID, Transport: s.Transport, Namespace: s.Namespace, Data: dataOf(s.Data),
		Handshake: h, Rooms: append([]string{s.ID}, s.Rooms...),
	}
}

// dataOf returns a socket's data, which is an object in Node when there is none.
func dataOf(data json.RawMessage) json.RawMessage {
	if len(data) == 0 || string(data) == "null" {
		return json.RawMessage("{}")
	}
	return data
}

// nodeHeaders returns headers as Node's http has them: names in small letters, and of several values one text.
func nodeHeaders(h http.Header) map[string]string {
	all := map[string]string{}
	for name, values := range h {
		name, between := strings.ToLower(name), ", "
		if name == "cookie" {
			between = "; "
		}
		all[name] = strings.Join(values, between)
	}
	return all
}

func last(query url.Values) map[string]string {
	all := map[string]string{}
	for name, values := range query {
		if len(values) > 0 {
			all[name] = values[len(values)-1]
		}
	}
	return all
}

// date is a time as JavaScript sends it.
func date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

package badtable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/dozeio/doze/tests/kit/keylimit"
)

// Throughput is how many units a second a table takes: an RRU for 4 KiB of a strongly consistent read, a WRU for 1 KiB
// of a write. 0 is the default, below it there is no limit.
type Throughput struct {
	KeyReads, KeyWrites     float64 // of one partition key; default 3,000 and 1,000
	TableReads, TableWrites float64 // of a table; default 12,000 and 4,000, a new one's on demand
	Burst                   float64 // seconds whose units are kept while nobody uses them; default 1
}

// throughput watches what requests consume.
type throughput struct {
	now                                          func() time.Time
	keyReads, keyWrites, tableReads, tableWrites *keylimit.Limit
}

func newThroughput(o Throughput, now func() time.Time) *throughput {
	if now == nil {
		now = time.Now
	}
	if o.Burst == 0 {
		o.Burst = 1
	}
	limit := func(rate, otherwise float64) *keylimit.Limit {
		if rate == 0 {
			rate = otherwise
		}
		rate = max(0, rate)
		return &keylimit.Limit{Rate: rate, Burst: rate * o.Burst}
	}
	return &throughput{now,
		limit(o.KeyReads, keylimit.KeyReads), limit(o.KeyWrites, keylimit.KeyWrites),
		limit(o.TableReads, keylimit.TableReads), limit(o.TableWrites, keylimit.TableWrites)}
}

// Usage is how near a table has come to its throughput. Keys are partition keys; those of the tables' are their names.
type Usage struct {
	Refused                                      int // requests
	KeyReads, KeyWrites, TableReads, TableWrites []keylimit.Key
}

// Usage returns what was consumed up to now, of each kind the n keys with the highest peaks.
func (t *Table) Usage(n int) Usage {
	u := t.throughput
	all := Usage{KeyReads: u.keyReads.Hottest(n), KeyWrites: u.keyWrites.Hottest(n), TableReads: u.tableReads.Hottest(n), TableWrites: u.tableWrites.Hottest(n)}
	for _, l := range []*keylimit.Limit{u.keyReads, u.keyWrites, u.tableReads, u.tableWrites} {
		all.Refused += l.Refused()
	}
	return all
}

// String is for a test's log.
func (u Usage) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests were refused", u.Refused)
	for _, of := range []struct {
		what string
		keys []keylimit.Key
	}{{"writes to a key", u.KeyWrites}, {"reads of a key", u.KeyReads}, {"writes to a table", u.TableWrites}, {"reads of a table", u.TableReads}} {
		for i, k := range of.keys {
			if i == 0 {
				fmt.Fprintf(&b, "; most %s in a second: ", of.what)
			} else {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%.0f (%q)", k.Peak, k.Key)
		}
	}
	return b.String()
}

// request is what is read of one, of any operation.
type request struct {
	write bool

	TableName                 string
	Key, Item                 map[string]json.RawMessage
	KeyConditionExpression    string
	ExpressionAttributeValues map[string]json.RawMessage
	ConsistentRead            bool
	ReturnConsumedCapacity    string
}

// partition is how a query names its partition, as pkg/store/dynamo writes it.
var partition = regexp.MustCompile(`^\s*p\s*=\s*(:\w+)`)

// key returns the partition key of a request, "" when it has none, as a scan, or many, as a batch: then the tables'
// limits are all that counts.
func (r *request) key() string {
	value := r.Key["p"]
	if r.Item != nil {
		value = r.Item["p"]
	}
	if m := partition.FindStringSubmatch(r.KeyConditionExpression); m != nil {
		value = r.ExpressionAttributeValues[m[1]]
	}
	var typed map[string]string
	if json.Unmarshal(value, &typed) != nil {
		return ""
	}
	return typed["S"] + typed["N"] + typed["B"]
}

// least is what a request consumes at the least.
func (r *request) least() float64 {
	if r.write || r.ConsistentRead {
		return 1
	}
	return 0.5
}

// admit takes what a request consumes at the least, or returns the answer that refuses it. charge takes the rest, by
// what the answer says.
func (u *throughput) admit(operation string, body []byte) (refused *answer, asking []byte, charge func(answer)) {
	r := request{write: !strings.Contains(" GetItem Query Scan BatchGetItem TransactGetItems ", " "+operation+" ")}
	if json.Unmarshal(body, &r) != nil {
		return nil, body, func(answer) {}
	}
	keys, tables, kind := u.keyReads, u.tableReads, 0
	if r.write {
		keys, tables, kind = u.keyWrites, u.tableWrites, 1
	}
	key, least, now := r.key(), r.least(), u.now()
	if key != "" && !keys.Take(key, least, now) || !tables.Take(r.TableName, least, now) {
		a := throttle(kind, r.TableName)
		return &a, nil, nil
	}
	if asking = body; r.ReturnConsumedCapacity == "" {
		asking = append([]byte(`{"ReturnConsumedCapacity":"TOTAL",`), bytes.TrimLeft(body, " \t\r\n{")...)
	}
	return nil, asking, func(a answer) {
		var out struct {
			ConsumedCapacity struct{ CapacityUnits float64 }
		}
		if json.Unmarshal(a.body, &out) != nil || out.ConsumedCapacity.CapacityUnits <= least {
			return
		}
		more, now := out.ConsumedCapacity.CapacityUnits-least, u.now()
		if key != "" {
			keys.Charge(key, more, now)
		}
		tables.Charge(r.TableName, more, now)
	}
}

// throttle is how a table on demand refuses what a hot key has too much of: writes and reads as they were seen in
// praetorian-inc/chariot-ui#684 and aws-samples/sample-collaborative-ai-dlc#443, with the reasons of
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html
func throttle(kind int, table string) answer {
	k := []struct{ code, message, reasons, reason string }{
		{"ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.",
			"ThrottlingReasons", "TableReadKeyRangeThroughputExceeded"},
		{"ThrottlingException", "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly. If exceptions persist, check if you have a hot key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html",
			"throttlingReasons", "TableWriteKeyRangeThroughputExceeded"},
	}[kind]
	return jsonAnswer(http.StatusBadRequest, map[string]any{
		"__type": database + k.code, "message": k.message,
		k.reasons: []map[string]string{{"reason": k.reason, "resource": "arn:aws:dynamodb:us-east-1:000000000000:table/" + table}},
	})
}

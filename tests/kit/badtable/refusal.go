package badtable

import (
	"encoding/json"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
)

// A kind is an error as DynamoDB words it.
type kind struct {
	status        int
	code, message string
}

const database, coral = "com.amazonaws.dynamodb.v20120810#", "com.amazon.coral.availability#"

var (
	throttles = []kind{
		{http.StatusBadRequest, database + "ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API."},
		{http.StatusBadRequest, database + "ThrottlingException", "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly."},
		{http.StatusBadRequest, coral + "ThrottlingException", "Rate exceeded"},
		{http.StatusBadRequest, database + "RequestLimitExceeded", "Throughput exceeds the current throughput limit for your account."},
	}
	failures = []kind{
		{http.StatusInternalServerError, database + "InternalServerError", "The request processing has failed because of an unknown error, exception or failure."},
		{http.StatusServiceUnavailable, "", ""}, // a load balancer's: not JSON, without a checksum
		{http.StatusServiceUnavailable, coral + "ServiceUnavailableException", "The service is temporarily unavailable."},
	}
)

// refusal draws one of some errors: how is from 0 to 1. DynamoDB sends a checksum with its errors, too.
func refusal(kinds []kind, how float64) answer {
	k := kinds[min(int(how*float64(len(kinds))), len(kinds)-1)]
	if k.code == "" {
		return answer{k.status, http.Header{"Content-Type": {"text/html"}}, []byte("<html><body>Service Unavailable</body></html>")}
	}
	message := "message"
	if strings.HasPrefix(k.code, coral) {
		message = "Message"
	}
	return jsonAnswer(k.status, map[string]any{"__type": k.code, message: k.message})
}

func jsonAnswer(status int, content map[string]any) answer {
	body, _ := json.Marshal(content)
	return answer{status, http.Header{
		"Content-Type": {"application/x-amz-json-1.0"},
		"X-Amz-Crc32":  {strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)},
	}, body}
}

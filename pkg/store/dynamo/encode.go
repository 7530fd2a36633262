package dynamo

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// members are those of a request, in DynamoDB's JSON:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html. What has no form here
// spoils it.
type members struct {
	b      []byte
	spoilt bool
}

func newMembers(table *string) *members {
	m := &members{b: append(make([]byte, 0, 512), '{'), spoilt: table == nil || strings.Contains(*table, ":")} // an ARN says of which account, which has an endpoint of its own
	m.text("TableName", table)
	return m
}

// end returns the request, and whether it is one.
func (m *members) end() ([]byte, bool) { return append(m.b, '}'), !m.spoilt }

// without spoils a request that has what is only known to the SDK.
func (m *members) without(there bool) { m.spoilt = m.spoilt || there }

func (m *members) name(name string) {
	if len(m.b) > 1 {
		m.b = append(m.b, ',')
	}
	m.b = append(append(append(m.b, '"'), name...), '"', ':')
}

func (m *members) text(name string, s *string) {
	if s != nil {
		m.name(name)
		m.b = appendText(m.b, *s)
	}
}

// word is text that is left out when it is empty, as those of the SDK's enumerations are.
func word[T ~string](m *members, name string, s T) {
	if s != "" {
		text := string(s)
		m.text(name, &text)
	}
}

func (m *members) flag(name string, v *bool) {
	if v != nil {
		m.name(name)
		m.b = strconv.AppendBool(m.b, *v)
	}
}

func (m *members) number(name string, n *int32) {
	if n != nil {
		m.name(name)
		m.b = strconv.AppendInt(m.b, int64(*n), 10)
	}
}

func (m *members) item(name string, row item) {
	if row != nil {
		m.name(name)
		m.appendItem(row)
	}
}

func (m *members) names(name string, names map[string]string) {
	if names == nil {
		return
	}
	m.name(name)
	m.b = append(m.b, '{')
	first := true
	for placeholder, attribute := range names {
		m.comma(&first)
		m.b = append(appendText(m.b, placeholder), ':')
		m.b = appendText(m.b, attribute)
	}
	m.b = append(m.b, '}')
}

func (m *members) comma(first *bool) {
	if !*first {
		m.b = append(m.b, ',')
	}
	*first = false
}

func (m *members) appendItem(row item) {
	m.b = append(m.b, '{')
	first := true
	for name, v := range row {
		m.comma(&first)
		m.b = append(appendText(m.b, name), ':')
		m.appendValue(v)
	}
	m.b = append(m.b, '}')
}

func (m *members) appendValue(v value) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		m.b = append(appendText(append(m.b, `{"S":`...), v.Value), '}')
	case *types.AttributeValueMemberN:
		m.b = append(appendText(append(m.b, `{"N":`...), v.Value), '}')
	case *types.AttributeValueMemberB:
		m.b = append(base64.StdEncoding.AppendEncode(append(m.b, `{"B":"`...), v.Value), '"', '}')
	case *types.AttributeValueMemberBOOL:
		m.b = append(strconv.AppendBool(append(m.b, `{"BOOL":`...), v.Value), '}')
	case *types.AttributeValueMemberL:
		m.b = append(m.b, `{"L":[`...)
		first := true
		for _, one := range v.Value {
			m.comma(&first)
			m.appendValue(one)
		}
		m.b = append(m.b, ']', '}')
	case *types.AttributeValueMemberM:
		m.b = append(m.b, `{"M":`...)
		m.appendItem(v.Value)
		m.b = append(m.b, '}')
	default: // a set, or nothing: no row has any
		m.spoilt = true
	}
}

// appendText quotes text. What is not plain ASCII is encoding/json's.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // a string has no errors
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func encodeGet(in *dynamodb.GetItemInput) ([]byte, bool) {
	m := newMembers(in.TableName)
	m.without(in.Key == nil || in.AttributesToGet != nil)
	m.item("Key", in.Key)
	m.flag("ConsistentRead", in.ConsistentRead)
	m.text("ProjectionExpression", in.ProjectionExpression)
	m.names("ExpressionAttributeNames", in.ExpressionAttributeNames)
	word(m, "ReturnConsumedCapacity", in.ReturnConsumedCapacity)
	return m.end()
}

func encodePut(in *dynamodb.PutItemInput) ([]byte, bool) {
	m := newMembers(in.TableName)
	m.without(in.Item == nil || in.Expected != nil)
	m.item("Item", in.Item)
	m.text("ConditionExpression", in.ConditionExpression)
	word(m, "ConditionalOperator", in.ConditionalOperator)
	m.names("ExpressionAttributeNames", in.ExpressionAttributeNames)
	m.item("ExpressionAttributeValues", in.ExpressionAttributeValues)
	word(m, "ReturnConsumedCapacity", in.ReturnConsumedCapacity)
	word(m, "ReturnItemCollectionMetrics", in.ReturnItemCollectionMetrics)
	word(m, "ReturnValues", in.ReturnValues)
	word(m, "ReturnValuesOnConditionCheckFailure", in.ReturnValuesOnConditionCheckFailure)
	return m.end()
}

func encodeUpdate(in *dynamodb.UpdateItemInput) ([]byte, bool) {
	m := newMembers(in.TableName)
	m.without(in.Key == nil || in.Expected != nil || in.AttributeUpdates != nil)
	m.item("Key", in.Key)
	m.text("UpdateExpression", in.UpdateExpression)
	m.text("ConditionExpression", in.ConditionExpression)
	word(m, "ConditionalOperator", in.ConditionalOperator)
	m.names("ExpressionAttributeNames", in.ExpressionAttributeNames)
	m.item("ExpressionAttributeValues", in.ExpressionAttributeValues)
	word(m, "ReturnConsumedCapacity", in.ReturnConsumedCapacity)
	word(m, "ReturnItemCollectionMetrics", in.ReturnItemCollectionMetrics)
	word(m, "ReturnValues", in.ReturnValues)
	word(m, "ReturnValuesOnConditionCheckFailure", in.ReturnValuesOnConditionCheckFailure)
	return m.end()
}

func encodeDelete(in *dynamodb.DeleteItemInput) ([]byte, bool) {
	m := newMembers(in.TableName)
	m.without(in.Key == nil || in.Expected != nil)
	m.item("Key", in.Key)
	m.text("ConditionExpression", in.ConditionExpression)
	word(m, "ConditionalOperator", in.ConditionalOperator)
	m.names("ExpressionAttributeNames", in.ExpressionAttributeNames)
	m.item("ExpressionAttributeValues", in.ExpressionAttributeValues)
	word(m, "ReturnConsumedCapacity", in.ReturnConsumedCapacity)
	word(m, "ReturnItemCollectionMetrics", in.ReturnItemCollectionMetrics)
	word(m, "ReturnValues", in.ReturnValues)
	word(m, "ReturnValuesOnConditionCheckFailure", in.ReturnValuesOnConditionCheckFailure)
	return m.end()
}

func encodeQuery(in *dynamodb.QueryInput) ([]byte, bool) {
	m := newMembers(in.TableName)
	m.without(in.AttributesToGet != nil || in.KeyConditions != nil || in.QueryFilter != nil)
	m.text("KeyConditionExpression", in.KeyConditionExpression)
	m.text("FilterExpression", in.FilterExpression)
	m.text("ProjectionExpression", in.ProjectionExpression)
	m.text("IndexName", in.IndexName)
	m.names("ExpressionAttributeNames", in.ExpressionAttributeNames)
	m.item("ExpressionAttributeValues", in.ExpressionAttributeValues)
	m.item("ExclusiveStartKey", in.ExclusiveStartKey)
	m.flag("ConsistentRead", in.ConsistentRead)
	m.flag("ScanIndexForward", in.ScanIndexForward)
	m.number("Limit", in.Limit)
	word(m, "Select", in.Select)
	word(m, "ConditionalOperator", in.ConditionalOperator)
	word(m, "ReturnConsumedCapacity", in.ReturnConsumedCapacity)
	return m.end()
}

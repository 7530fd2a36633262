//go:build full

package bill

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/meter"
)

// A write that is refused is billed by the row that is there.
func TestRefusedWritesAreMeteredByTheRow(t *testing.T) {
	url, stop, err := dynalite.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	table, m := "doze-"+rand.Text(), &meter.Meter{Rows: dynalite.Client(url)}
	if err := dynamo.CreateTable(t.Context(), dynalite.Client(url), table); err != nil {
		t.Fatal(err)
	}
	client := dynalite.Client(url, m.Options)
	row := map[string]types.AttributeValue{
		"p": &types.AttributeValueMemberS{Value: "p"}, "s": &types.AttributeValueMemberS{Value: "s"},
		"list": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberB{Value: bytes.Repeat([]byte("x"), 9<<10)}}},
		"map":  &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"n": &types.AttributeValueMemberN{Value: "12345"}, "yes": &types.AttributeValueMemberBOOL{Value: true}}},
	}
	put := func(condition *string) float64 {
		_, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: row, ConditionExpression: condition})
		if failed := (*types.ConditionalCheckFailedException)(nil); err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		_, units := m.Take().Sum()
		return units
	}
	absent := aws.String("attribute_not_exists(p)")
	if written, refused := put(absent), put(absent); written != 10 || refused != 10 {
		t.Errorf("a row of 9 KiB and some: %v WRU written, %v refused; want 10", written, refused)
	}
}

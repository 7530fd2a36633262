package dynamo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// attrNote is the text of a note. Counts are an attribute each, whose name is the count's after countPrefix.
const (
	attrNote    = "v"
	countPrefix = "+"
)

// Note implements notes.Store.
func (s *Store) Note(ctx context.Context, name string, strong bool) (string, error) {
	row, err := s.get(ctx, noteKey(name), strong)
	if err != nil || s.expired(row) {
		return "", err
	}
	return stringOf(row[attrNote]), nil
}

// PutNote implements notes.Store.
func (s *Store) PutNote(ctx context.Context, name, old, next string, at time.Time) (bool, error) {
	k, c := noteKey(name), &change{}
	if old == "" {
		c.when("attribute_not_exists(p) OR "+attrExpires+" <= %s", s.nowValue())
	} else {
		c.when(attrNote+" = %s AND "+attrExpires+" > %s", stringValue(old), s.nowValue())
	}
	all := types.ReturnValuesOnConditionCheckFailureAllOld
	var err error
	if next == "" {
		_, err = call(ctx, s, s.client.DeleteItem, &dynamodb.DeleteItemInput{TableName: &s.table, Key: k.item(),
			ConditionExpression: aws.String(c.condition()), ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: all})
	} else {
		row := k.item()
		row[attrNote] = stringValue(next)
		expires(row, at)
		_, err = call(ctx, s, s.client.PutItem, &dynamodb.PutItemInput{TableName: &s.table, Item: row,
			ConditionExpression: aws.String(c.condition()), ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: all})
	}
	failed := refused(err)
	if failed == nil {
		return err == nil, err
	}
	row := failed.Item
	if row == nil { // not every server says
		if row, err = s.get(ctx, k, true); err != nil {
			return false, err
		}
	}
	if s.expired(row) {
		return next == "", nil
	}
	return stringOf(row[attrNote]) == next, nil
}

// AddCounts implements notes.Store. What has expired and is still there would be counted again: so it is only added to
// a row that has not, and otherwise replaced. Of several who find it expired at once one replaces it, and the others
// add to that.
func (s *Store) AddCounts(ctx context.Context, name string, counts map[string]int, at time.Time) error {
	err := s.addCounts(ctx, name, counts, at)
	if refused(err) == nil {
		return err
	}
	row := countsKey(name).item()
	for count, n := range counts {
		row[countPrefix+count] = numberValue(int64(n))
	}
	expires(row, at)
	if err := s.putNew(ctx, row); refused(err) == nil {
		return err
	}
	return s.addCounts(ctx, name, counts, at)
}

// addCounts is refused where the row has expired.
func (s *Store) addCounts(ctx context.Context, name string, counts map[string]int, at time.Time) error {
	names, c := map[string]string{"#ttl": timeToLive}, &change{}
	var adds []string
	for i, count := range slices.Sorted(maps.Keys(counts)) {
		path := fmt.Sprint("#c", i)
		names[path] = countPrefix + count
		adds = append(adds, path+" "+c.value(numberValue(int64(counts[count]))))
	}
	c.when("attribute_not_exists(p) OR "+attrExpires+" > %s", s.nowValue())
	update := fmt.Sprintf("SET %s = %s, #ttl = %s ADD %s", attrExpires, c.value(timeValue(at)), c.value(ttlValue(at)), strings.Join(adds, ", "))
	_, err := call(ctx, s, s.client.UpdateItem, &dynamodb.UpdateItemInput{TableName: &s.table, Key: countsKey(name).item(),
		UpdateExpression: &update, ConditionExpression: aws.String(c.condition()), ExpressionAttributeNames: names, ExpressionAttributeValues: c.values})
	return err
}

// TakeCounts implements notes.Store.
func (s *Store) TakeCounts(ctx context.Context, name string) (map[string]int, error) {
	out, err := call(ctx, s, s.client.DeleteItem, &dynamodb.DeleteItemInput{TableName: &s.table, Key: countsKey(name).item(), ReturnValues: types.ReturnValueAllOld})
	counts := map[string]int{}
	if err != nil || s.expired(out.Attributes) {
		return counts, err
	}
	for attribute, v := range out.Attributes {
		if count, ok := strings.CutPrefix(attribute, countPrefix); ok {
			counts[count] = int(numberOf(v))
		}
	}
	return counts, nil
}

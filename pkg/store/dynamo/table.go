package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/internal/awsfault"
)

// CreateTable makes the table of a Store where there is none, waits until it can be used, for a minute at most, and
// lets it delete rows that have expired, unless the server cannot do that (reads ignore such rows anyway). A table of
// that name with other keys is an error. In a deployment the template makes the table instead.
func CreateTable(ctx context.Context, client *dynamodb.Client, table string) error {
	s := New(client, table, nil)
	if err := s.create(ctx); err != nil {
		return err
	}
	waiter := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, 2*time.Second
	})
	out, err := waiter.WaitForOutput(ctx, &dynamodb.DescribeTableInput{TableName: &table}, time.Minute)
	if err != nil {
		return s.explain(ctx, "DescribeTable", err)
	}
	var keys []string
	for _, k := range out.Table.KeySchema {
		keys = append(keys, *k.AttributeName)
	}
	if strings.Join(keys, " ") != partitionKey+" "+sortKey {
		return fmt.Errorf("dynamo: the table %q has the keys %q, not %q and %q: it is another program's; choose another name", table, keys, partitionKey, sortKey)
	}
	return s.enableTTL(ctx)
}

// create makes the table where there is none. Who may not make one may still use what is there.
func (s *Store) create(ctx context.Context) error {
	_, err := call(ctx, s, s.client.DescribeTable, &dynamodb.DescribeTableInput{TableName: &s.table})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		return err
	}
	_, err = call(ctx, s, s.client.CreateTable, &dynamodb.CreateTableInput{
		TableName:   &s.table,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(partitionKey), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(sortKey), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String(partitionKey), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sortKey), KeyType: types.KeyTypeRange},
		},
	})
	var exists *types.ResourceInUseException
	if errors.As(err, &exists) { // somebody else was faster
		return nil
	}
	return err
}

func (s *Store) enableTTL(ctx context.Context) error {
	_, err := call(ctx, s, s.client.UpdateTimeToLive, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &s.table,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(timeToLive), Enabled: aws.Bool(true)},
	})
	if err == nil {
		return nil
	}
	if f := awsfault.Of(err); f.Code == "UnknownOperationException" ||
		f.Code == "ValidationException" && strings.Contains(f.Message, "already enabled") {
		return nil
	}
	return err
}

package mongo

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// DropForTest drops the database that a URI names.
func DropForTest(t testing.TB, uri string) {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	defer client.Disconnect(ctx)
	if err := client.Database(databaseOf(uri)).Drop(ctx); err != nil {
		t.Errorf("the database cannot be dropped: %v", err)
	}
}

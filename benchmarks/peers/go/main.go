// gqlgen as its documentation shows it: its own HTTP handler, dataloadgen, database/sql.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2/ast"

	"peer/build/generated"
)

const documents = 1000

func main() {
	database, err := open()
	if err != nil {
		log.Fatal(err)
	}
	schema := generated.NewExecutableSchema(generated.Config{Resolvers: &resolvers{database}})
	server := handler.New(schema)
	server.AddTransport(transport.POST{})
	server.SetQueryCache(lru.New[*ast.QueryDocument](documents))
	http.Handle("/graphql", withLoaders(database, server))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

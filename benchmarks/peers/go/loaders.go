package main

import (
	"context"
	"net/http"
	"time"

	"github.com/vikstrous/dataloadgen"

	"peer/rows"
)

const batchWait = time.Millisecond

type loaders struct {
	items    *dataloadgen.Loader[string, []rows.Item]
	invoices *dataloadgen.Loader[string, *rows.Invoice]
}

type loadersKey struct{}

// withLoaders gives each request loaders of its own.
func withLoaders(source *database, next http.Handler) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		made := &loaders{
			items:    dataloadgen.NewLoader(source.itemsOfClaims, dataloadgen.WithWait(batchWait)),
			invoices: dataloadgen.NewLoader(source.invoicesOfClaims, dataloadgen.WithWait(batchWait)),
		}
		next.ServeHTTP(writer, request.WithContext(context.WithValue(request.Context(), loadersKey{}, made)))
	})
}

func loadersOf(ctx context.Context) *loaders {
	return ctx.Value(loadersKey{}).(*loaders)
}

package main

import (
	"context"

	"peer/build/generated"
	"peer/rows"
)

type resolvers struct{ database *database }

func (each *resolvers) Query() generated.QueryResolver       { return query{each} }
func (each *resolvers) Mutation() generated.MutationResolver { return mutation{each} }
func (each *resolvers) Claim() generated.ClaimResolver       { return claim{each} }

type query struct{ *resolvers }

func (each query) Claim(ctx context.Context, id string) (*rows.Claim, error) {
	return each.database.claim(ctx, id)
}

func (each query) Claims(ctx context.Context, first int, after *string, _ *generated.ClaimOrder) (*generated.ClaimConnection, error) {
	nodes, err := each.database.claims(ctx, first, after)
	return &generated.ClaimConnection{Nodes: nodes}, err
}

type mutation struct{ *resolvers }

func (each mutation) CreateClaim(ctx context.Context, input generated.CreateClaimInput) (*generated.CreateClaimPayload, error) {
	made, err := each.database.create(ctx, input.Claim)
	if err != nil {
		return nil, err
	}
	return &generated.CreateClaimPayload{Claim: made, Errors: []generated.UserError{}}, nil
}

type claim struct{ *resolvers }

func (claim) Items(ctx context.Context, parent *rows.Claim) ([]rows.Item, error) {
	return loadersOf(ctx).items.Load(ctx, parent.ID)
}

func (claim) Invoice(ctx context.Context, parent *rows.Claim) (*rows.Invoice, error) {
	return loadersOf(ctx).invoices.Load(ctx, parent.ID)
}

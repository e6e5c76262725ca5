"""A month of documents: claims go out, analyses, payments and bank files come in, and every cent has its place."""

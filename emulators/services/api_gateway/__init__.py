"""An API gateway that executes an OpenAPI document with x-amazon-apigateway-* extensions, as Amazon's does."""

"""An API gateway that executes an OpenAPI document with x-amazon-apigateway-* extensions, like Amazon's."""

"""Function URLs: HTTP requests in, HTTP answers out."""

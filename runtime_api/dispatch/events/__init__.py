"""Asynchronous invocation: events that were accepted are kept until they ran, and their ends until somebody knows them."""

"""SAM and CloudFormation templates: the functions they declare."""

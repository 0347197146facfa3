# What the machine must have: docs/DEPENDENCIES.md.
deps:
	sh tools/deps

.PHONY: deps

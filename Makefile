# The ways to build, run and test. The work is done by the scripts in tools/, which say more.
# Downloads and build outputs go to $MYKSC_CACHE (default: ~/.cache/myksc).

.PHONY: help run run-centre images test test-pbs bench testbed testbed-status testbed-down testbed-env web openapi fmt

help:
	@echo 'make run         build what is needed and start the portal on http://localhost:8080'
	@echo 'make run-centre  raise a centre'\''s own systems and the portal in its cluster (as root)'
	@echo 'make test        run every check and test, those in the browser included'
	@echo 'make test-pbs    run the journeys on the PBS that this machine has (as root)'
	@echo 'make bench       measure the portal beside other proxies'
	@echo 'make images      build the images of portal and apps, and push them to REGISTRY (as root)'
	@echo 'make testbed     raise a centre'\''s own systems on this machine (testbed/README.md)'
	@echo 'make web         build the web UI'
	@echo 'make openapi     write the API document and the types made from it'
	@echo 'make fmt         format the code'

# MYKSC_LISTEN, MYKSC_STATE_DIR and MYKSC_CONFIG are honoured.
run:
	@exec tools/run

# All parts of the testbed, the portal among them.
run-centre:
	@exec tools/run-centre

# make images REGISTRY=registry.example.org/myksc
images:
	@exec tools/images $(REGISTRY)

# make test STAGES='rust browser' runs only these.
test:
	@exec tools/test $(STAGES)

# On a machine with a PBS of its own (docs/operations/pbs.md), as root.
test-pbs:
	@exec tools/test pbs

bench:
	@exec tools/bench

# make testbed PARTS='slurm people' raises only these and what they need.
testbed:
	@exec testbed/testbed up $(PARTS)

testbed-status:
	@exec testbed/testbed status $(PARTS)

testbed-down:
	@exec testbed/testbed down $(PARTS)

# eval "$(make -s testbed-env)" tells a shell addresses and credentials.
testbed-env:
	@exec testbed/testbed env $(PARTS)

web:
	@tools/web build

openapi:
	@tools/openapi write

fmt:
	@cargo fmt --all

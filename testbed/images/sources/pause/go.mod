module myksc/testbed/pause

go 1.24.0

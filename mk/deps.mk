# What has to be installed to build and test (Debian names).
DEPS_APT := make gcc g++ clang python3 libdw-dev libelf-dev zlib1g-dev liblzma-dev libbz2-dev \
	libiberty-dev systemtap-sdt-dev

deps:
	apt-get install -y --no-install-recommends $(DEPS_APT)

.PHONY: deps

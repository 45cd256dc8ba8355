# fox: model toolchain. `make help` lists the targets; config.mk (untracked) overrides.
MAKEFLAGS += -r --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
-include config.mk

config ?= release# release | debug | asan | tsan | fuzz
CC     ?= cc
ifeq ($(config),fuzz)
CC     := clang
endif
B      ?= build/$(config)
$(V).SILENT:

# ---- flags: no -ffast-math, no -march=native, contraction off, so that results do not
# ---- depend on the machine that compiled them; ISA flags come from the file name (below)
WARN   := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wold-style-definition -Wpointer-arith -Wvla -Wformat=2 -Wundef
OPT_release := -O3 -g
OPT_debug   := -O0 -g3 -DFOX_DEBUG
OPT_asan    := -O1 -g -DFOX_DEBUG -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_tsan    := -O1 -g -fsanitize=thread
OPT_fuzz    := -O1 -g -DFOX_DEBUG -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all \
               -Wno-missing-field-initializers # clang's reading of it; gcc's is in WARN
OPT    := $(or $(OPT_$(config)),$(error config=$(config): want release, debug, asan, tsan or fuzz))
NDEBUG := $(if $(filter release,$(config)),-DNDEBUG)
BASEFLAGS := -std=c11 -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -pthread $(WARN) -ffp-contract=off -fno-math-errno \
             -ffile-prefix-map=$(CURDIR)=. $(OPT) # where it was built is not in it

# ---- dependencies: pkg-config, or DEPS_CFLAGS / DEPS_LIBS in config.mk
DEPS        := zlib libxxhash libarchive jansson libcrypto libpcre2-8 libutf8proc
TEST_DEPS   := cmocka
TEST_PEERS  := zip unzip zstd xz bsdtar ssh-keygen minisign skopeo groff mandoc zsh fish# that tests compare with, where they can be had
DEPS_CFLAGS ?= $(shell pkg-config --cflags $(DEPS) $(TEST_DEPS) 2>/dev/null)
DEPS_LIBS   ?= $(shell pkg-config --libs $(DEPS) 2>/dev/null || echo -lz -lxxhash -larchive -ljansson -lcrypto -lpcre2-8 -lutf8proc)
LIBS        := -Wl,--as-needed $(DEPS_LIBS) -lm
TEST_LIBS   ?= $(shell pkg-config --libs $(TEST_DEPS) 2>/dev/null || echo -lcmocka)

# ---- CUDA: built when nvcc is found; CUDA=0 or no nvcc builds cuda_stub.c in its place. tests/simt compiles the same .cu
# ---- files with g++ for this CPU, so that `make test` runs every kernel without a GPU
NVCC   ?= $(firstword $(wildcard /usr/local/cuda/bin/nvcc) $(shell command -v nvcc 2>/dev/null))
CUDA   ?= $(if $(and $(NVCC),$(filter release debug,$(config))),1,0)
SM     ?= 80 90
NVFLAGS := -O3 -g -lineinfo -std=c++17 -I. -Xcompiler -Wall,-Wextra \
           $(foreach s,$(SM),-gencode arch=compute_$(s),code=sm_$(s)) \
           -gencode arch=compute_90,code=compute_90 # PTX for what comes later; add 90a where wgmma pays
CXX    ?= g++
SIMT   ?= $(if $(filter release debug asan,$(config)),1,0)
SIMTFLAGS := -std=c++17 -Itests/simt -I. -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unknown-pragmas \
           -ffp-contract=off -fno-math-errno -fno-strict-aliasing $(OPT:-O3=-O1) # kernels are large, what they do in tests is small

# ---- sources: a file named fox-*.c is a program; everything else is the library
ARCH   := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))
ISADIR := $(if $(filter x86_64,$(ARCH)),kernels/x86)$(if $(filter aarch64 arm64,$(ARCH)),kernels/arm)
DIRS   := format format/base format/arch kernels kernels/scalar $(ISADIR) runtime convert inspect
SKIP   ?=# patterns of sources to leave out, for work on a part: SKIP="runtime/% inspect/%"
MAINS  := $(filter-out $(SKIP),$(wildcard $(addsuffix /fox-*.c,$(DIRS))))
SRCS   := $(filter-out $(MAINS) $(SKIP),$(filter-out %/fox-%.c,$(wildcard $(addsuffix /*.c,$(DIRS)))))
OBJS   := $(SRCS:%.c=$(B)/%.o)
LIB    := $(B)/libfox.a
CUSRC  := $(filter-out $(SKIP),$(wildcard kernels/cuda/*.cu))
CULIB  := $(B)/$(if $(filter 1,$(CUDA)),nvcc,stub)/libfoxcuda.a# device and operations, or their stub
SIMTLIB := $(B)/simt/libfoxcuda.a# the same by g++ for the CPU
ifeq ($(CUDA),1)
CUOBJS := $(CUSRC:%.cu=$(B)/%.cu.o)
CULIBS := -L$(dir $(NVCC))../lib64 -lcudart_static -ldl -lrt -lstdc++
else
CUOBJS := $(B)/kernels/cuda/cuda_stub.o $(B)/kernels/cuda/ops_stub.o
endif
BINS   := $(foreach m,$(MAINS),$(B)/bin/$(basename $(notdir $(m))))
TESTS  := $(patsubst %.c,$(B)/%,$(filter-out $(SKIP),$(wildcard tests/unit/t_*.c tests/kernels/check_*.c)))
FUZZ   := $(patsubst %.c,$(B)/%,$(filter-out $(SKIP),$(wildcard tests/fuzz/fuzz_*.c)))
CHECKS := $(notdir $(basename $(filter-out $(SKIP),$(wildcard tests/cuda/check_*.c))))
SIMTESTS := $(if $(filter 1,$(SIMT)),$(CHECKS:%=$(B)/simt/%) $(B)/simt/t_cuda)
GPUTESTS := $(CHECKS:%=$(B)/gpu/%)
SIMTBINS := $(if $(filter 1,$(SIMT)),$(BINS:$(B)/bin/%=$(B)/simt/bin/%))# the tools over tests/simt
GENS   := $(patsubst %.c,$(B)/%,$(filter-out $(SKIP),$(wildcard tests/gen/*.c)))

# ---- one ISA per file, named by the file's last word
$(B)/%_scalar.o: ISA := -fno-tree-vectorize -fno-tree-slp-vectorize
$(B)/%_avx2.o:   ISA := -mavx2 -mfma -mf16c
$(B)/%_avx512.o: ISA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx2 -mfma -mf16c
$(B)/%_avx512bf16.o: ISA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512bf16 -mavx2 -mfma -mf16c
$(B)/%_amx.o:    ISA := -mamx-tile -mamx-int8 -mamx-bf16 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx2 -mfma -mf16c
$(B)/%_neon.o:   ISA := -march=armv8.2-a+dotprod

# ---- set-up runs before anything is built for a user; nothing is installed when nothing is missing
NEED_SETUP := $(if $(shell command -v $(CC) >/dev/null && command -v $(CXX) >/dev/null && pkg-config --exists $(DEPS) $(TEST_DEPS) 2>/dev/null && echo ok),,setup)

## all: build the tools into build/$(config)/bin
all: $(NEED_SETUP)
	$(MAKE) bins
bins: $(BINS)

## demo: convert, quantize, inspect, verify and run the embedded demo checkpoint (does all set-up)
demo: all
	tests/demo.sh $(abspath $(B)/bin)

## test: every test that needs no GPU, no network and no model file (does all set-up)
test: $(NEED_SETUP)
	tests/setup.sh --peers $(TEST_PEERS)
	$(MAKE) run-tests
run-tests: $(TESTS) $(SIMTESTS) $(SIMTBINS) $(FUZZ) $(BINS) $(GENS)
	tests/run.sh $(B) $(config)

## test-all: test under release, asan and tsan, then lint
test-all:
	$(MAKE) test config=release
	$(MAKE) test config=asan
	$(MAKE) test config=tsan
	$(MAKE) lint

## setup: install the missing packages with apt (root or sudo -n), or say what to type
setup:
	tests/setup.sh $(DEPS) $(TEST_DEPS)

## bench: the speed of each tool as ratios against a peer or a measured limit in the same run
bench: all
	$(MAKE) $(GENS)
	tests/bench.sh $(abspath $(B))

## bench-pack: the speed of fox-pack, as ratios against cp and tar
bench-pack: all
	$(MAKE) $(GENS)
	tests/bench_pack.sh $(abspath $(B))

## bench-peers: fox-bench against LLAMA_BENCH=path and fox-quantize against LLAMA_QUANTIZE=path, in turns
bench-peers: all
	$(MAKE) $(GENS)
	LLAMA_BENCH="$(LLAMA_BENCH)" LLAMA_QUANTIZE="$(LLAMA_QUANTIZE)" tests/bench_peers.sh $(abspath $(B))

## check-gpu: kernels, models and all families on the first CUDA device, and under compute-sanitizer where it is found
check-gpu: all
	$(MAKE) gpu-tests
	tests/check_gpu.sh $(abspath $(B))
gpu-tests: $(GPUTESTS)

## bench-gpu: what the first CUDA device makes of Fox-1's shape in bf16, q8_0 and q4_k_m: a table, in under 8 minutes
bench-gpu: all
	$(MAKE) $(GENS)
	tests/bench_gpu.sh $(abspath $(B))

## fuzz: build the libFuzzer targets (clang) into build/fuzz/tests/fuzz
fuzz:
	$(MAKE) config=fuzz fuzz-bins
fuzz-bins: $(FUZZ)

## lint: layers, file lengths, banned calls, ISA leaks
lint: $(LIB)
	tests/lint.sh $(B)

## format: clang-format the tree
format:
	clang-format -i $$(git ls-files "*.c" "*.h" "*.cu" "*.cuh" "*.cpp")

## deps: say what was found
deps:
	echo "cc          $(CC) ($(ARCH)), config=$(config)"
	for d in $(DEPS) $(TEST_DEPS); do printf '%-11s ' $$d; pkg-config --modversion $$d 2>/dev/null || echo missing; done
	echo "cuda        $(if $(filter 1,$(CUDA)),$(NVCC) sm $(SM),off)"

# ---- packages: what goes where stands in tests/release/install.sh; any of these folders may be set
export DESTDIR PREFIX BINDIR LIBDIR INCLUDEDIR DATADIR MANDIR DOCDIR PKGCONFIGDIR BASHCOMPDIR ZSHCOMPDIR FISHCOMPDIR MAINTAINER
PC_REQUIRES := $(shell pkg-config --exists $(DEPS) 2>/dev/null && echo $(DEPS))
RELEASE = BINS="$(sort $(BINS))" CULIB="$(CULIB)" PC_REQUIRES="$(PC_REQUIRES)" \
           PC_LIBS="$(strip $(if $(PC_REQUIRES),,$(DEPS_LIBS)) -lm -pthread $(CULIBS))" tests/release

## install: tools, man pages, completions, libfox.a and its headers to $(DESTDIR)$(PREFIX); uninstall takes them away
install: all
	$(RELEASE)/install.sh install $(B)
uninstall:
	$(RELEASE)/install.sh uninstall $(B)

## dist: the source as build/dist/fox-VERSION.tar.gz, the same bytes each time
DIST ?= build/dist
dist:
	tests/release/dist.sh $(DIST)

## deb: Debian packages of the tools and of the library into build/dist, by dpkg-deb alone
deb: all
	$(RELEASE)/deb.sh $(B) $(DIST)

## clean: remove build/
clean:
	rm -rf build

## help: this list
help:
	sed -n 's/^## \([a-z-]*\): \(.*\)/  \1\t\2/p' Makefile | expand -t 14

# ---- rules (V=1 shows the commands)
$(B)/tests/%.o: NDEBUG :=
$(B)/%.o: %.c
	mkdir -p $(@D)
	echo "  CC    $<"
	$(CC) $(BASEFLAGS) $(NDEBUG) $(DEPS_CFLAGS) $(CFLAGS) $(ISA) -MMD -MP -c $< -o $@
$(B)/%.cu.o: %.cu
	mkdir -p $(@D)
	echo "  NVCC  $<"
	$(NVCC) $(NVFLAGS) -MMD -MP -c $< -o $@
$(B)/simt/%.o: %.cu
	mkdir -p $(@D)
	echo "  SIMT  $<"
	$(CXX) $(SIMTFLAGS) -MMD -MP -x c++ -c $< -o $@
$(B)/simt/%.o: tests/simt/%.cpp
	mkdir -p $(@D)
	echo "  CXX   $<"
	$(CXX) $(SIMTFLAGS) $(if $(filter release,$(config)),-O2) -MMD -MP -c $< -o $@
$(LIB): $(OBJS)
$(CULIB): $(CUOBJS)
$(SIMTLIB): $(CUSRC:%.cu=$(B)/simt/%.o) $(B)/simt/simt.o $(B)/simt/host.o
$(LIB) $(CULIB) $(SIMTLIB):
	mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^
$(foreach m,$(MAINS),$(eval $(B)/bin/$(basename $(notdir $m)): $(B)/$(m:.c=.o)))
$(TESTS) $(FUZZ) $(GENS): %: %.o
ifeq ($(config),fuzz)
$(FUZZ): LDFLAGS += -fsanitize=fuzzer
else
$(FUZZ): $(B)/tests/fuzz/replay.o
endif
$(B)/tests/kernels/check_gemm: $(B)/tests/kernels/plain_amx_avx2.o
$(TESTS) $(SIMTESTS) $(GPUTESTS): LDTEST := $(TEST_LIBS)
$(BINS) $(TESTS) $(FUZZ) $(GENS) $(GPUTESTS): $(LIB) $(CULIB)
$(CHECKS:%=$(B)/simt/%): $(B)/simt/%: $(B)/tests/cuda/%.o
$(GPUTESTS): $(B)/gpu/%: $(B)/tests/cuda/%.o
$(B)/simt/t_cuda: $(B)/tests/unit/t_cuda.o
$(B)/simt/check_device: $(B)/simt/tests/cuda/probe.o
$(B)/gpu/check_device: $(B)/tests/cuda/probe.cu.o
$(foreach m,$(MAINS),$(eval $(B)/simt/bin/$(basename $(notdir $m)): $(B)/$(m:.c=.o)))
$(SIMTESTS) $(SIMTBINS): $(LIB) $(SIMTLIB)
$(SIMTESTS) $(SIMTBINS): CULIBS := -lstdc++
$(BINS) $(TESTS) $(FUZZ) $(GENS) $(SIMTESTS) $(SIMTBINS) $(GPUTESTS):
	mkdir -p $(@D)
	echo "  LINK  $@"
	$(CC) $(OPT) -pthread $(LDFLAGS) $(filter %.o,$^) $(SIMTEXTRA) -Wl,--start-group $(LIB) $(filter %/libfoxcuda.a,$^) -Wl,--end-group $(LIBS) $(CULIBS) $(LDTEST) -o $@

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.PHONY: all bins demo test run-tests test-all setup bench bench-pack bench-peers check-gpu gpu-tests bench-gpu fuzz fuzz-bins lint format deps install uninstall dist deb clean help
.SECONDARY:

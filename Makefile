# scribed - see `make help`. GNU make, gcc or clang.
#
# One object tree per sanitizer set (build/plain, build/thread, ...), so that objects built with
# different flags are never linked together. The program itself is left at build/scribed.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

VERSION := 0.1.0
PREFIX  ?= /usr/local
CC      ?= gcc
CFLAGS  ?= -O2 -g

comma := ,
TREE  := $(or $(subst $(comma),-,$(SAN)),plain)
BUILD := build/$(TREE)

WARN    := -std=c11 -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wpointer-arith -Wcast-qual \
           -Wstrict-prototypes -Wmissing-prototypes $(if $(WERROR),-Werror)
SANFLAG := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
# Contraction of a*b+c differs between compilers and would make results depend on who built us.
MATH    := -ffp-contract=off
HARDEN  := $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fPIE
DEFINES := -D_GNU_SOURCE -DSCRIBED_VERSION='"$(VERSION)"' -DSCRIBED_PREFIX='"$(PREFIX)"'

PKGS_audio  := sndfile libmpg123 vorbisfile soxr fftw3f
PKGS_model  := jansson openblas zlib
PKGS_proto  := jansson zlib
PKGS_server := libmicrohttpd
PKGS        := $(PKGS_audio) $(PKGS_model) $(PKGS_proto) $(PKGS_server)
PKG_CFLAGS  := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
libs         = $(shell pkg-config --libs $(1) 2>/dev/null) -lm -pthread

COMPILE := $(CC) -I. $(DEFINES) $(PKG_CFLAGS) $(CPPFLAGS) $(WARN) $(CFLAGS) $(MATH) $(HARDEN) $(SANFLAG) -pthread
LINK    := $(CC) $(CFLAGS) $(SANFLAG) -pie -Wl,-z,relro,-z,now $(LDFLAGS)

obj = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
AUDIO  := $(call obj,audio)
# Kernels for the processor that is built for: x86-64, AArch64, or the portable ones only.
TARGET  := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))
FOREIGN := $(if $(filter x86_64,$(TARGET)),,avx% amx%) $(if $(filter aarch64,$(TARGET)),,neon%)
KERNELS := $(filter-out $(FOREIGN:%=model/kernels/%.c),$(wildcard model/kernels/*.c))
MODEL  := $(call obj,model) $(KERNELS:%.c=$(BUILD)/%.o)
PROTO  := $(call obj,proto)
SERVER := $(filter-out $(BUILD)/server/main.o,$(call obj,server))

.PHONY: help deps deps-test all run test lint bench fuzz install clean unit e2e valgrind

help: ## what each target does
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  SAN=address,undefined or SAN=thread   build and test with sanitizers"
	@echo "  WERROR=1                              warnings are errors"
	@echo "  BENCH=name                            one benchmark of 'make bench'"

# ---- dependencies -----------------------------------------------------------------------------
deps: ## install the Debian packages that building and running need
	@deploy/install-packages build

deps-test: ## install what testing, linting and fuzzing need too
	@deploy/install-packages build test

# ---- program ----------------------------------------------------------------------------------
all: $(BUILD)/scribed $(if $(SAN),,build/scribed) ## build build/scribed

$(BUILD)/scribed: $(BUILD)/server/main.o $(SERVER) $(PROTO) $(MODEL) $(AUDIO)
	$(LINK) $^ $(call libs,$(PKGS)) -o $@

build/scribed: $(BUILD)/scribed
	@ln -sf $(TREE)/scribed $@

# Rewritten only when the compiler or a flag changes: objects depend on it, so none goes stale.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$(subst ",,$(COMPILE))" | cmp -s - $@ || printf '%s\n' "$(subst ",,$(COMPILE))" > $@
FORCE:

# Only these files may use instructions that not every machine has; CPUID decides who runs them.
# -O3: their inner loops have constant bounds and must be unrolled whole to live in registers.
ISA_avx2_f32    := -mavx2 -mfma
ISA_avx512_f32  := -mavx512f -mavx512bw -mfma
ISA_avx512_bf16 := $(ISA_avx512_f32) -mavx512vl -mavx512bf16
ISA_avx512_vnni := $(ISA_avx512_f32) -mavx512vl -mavx512vnni
ISA_amx_int8    := $(ISA_avx512_vnni) -mamx-tile -mamx-int8
ISA_amx_bf16    := $(ISA_avx512_bf16) -mamx-tile -mamx-bf16
ISA_amx         := $(ISA_avx512_f32) -mamx-tile
ISA_test_amx_int8 := $(ISA_avx512_vnni)
ISA_test_amx_bf16 := $(ISA_avx512_bf16)
isa              = $(if $(findstring model/kernels/,$(1)),-O3) $(ISA_$(basename $(notdir $(1))))

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) $(call isa,$<) -MMD -MP -c $< -o $@

run: deps ## install what is missing, build, serve the default model on 127.0.0.1:8080
	@$(MAKE) --no-print-directory all
	@exec build/scribed serve --model model/en

# ---- tests ------------------------------------------------------------------------------------
# A test of model/ links model/ and audio/ only: a call upwards is a link error.
TEST_SRC   := $(foreach l,audio model proto server,$(wildcard tests/$(l)/test_*.c))
TESTS      := $(TEST_SRC:%.c=$(BUILD)/%)
HELPERS    := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
WRAP       := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc
CHECK_LIBS  = $(shell pkg-config --libs check 2>/dev/null)

$(BUILD)/tests/audio/%: $(BUILD)/tests/audio/%.o $(HELPERS) $(AUDIO)
	$(LINK) $(WRAP) $^ $(call libs,$(PKGS_audio)) $(CHECK_LIBS) -o $@
$(BUILD)/tests/model/%: $(BUILD)/tests/model/%.o $(HELPERS) $(MODEL) $(AUDIO)
	$(LINK) $(WRAP) $^ $(call libs,$(PKGS_model) $(PKGS_audio)) $(CHECK_LIBS) -o $@
$(BUILD)/tests/proto/%: $(BUILD)/tests/proto/%.o $(HELPERS) $(PROTO) $(MODEL) $(AUDIO)
	$(LINK) $(WRAP) $^ $(call libs,$(PKGS_proto) $(PKGS_model) $(PKGS_audio)) $(CHECK_LIBS) -o $@
$(BUILD)/tests/server/%: $(BUILD)/tests/server/%.o $(HELPERS) $(SERVER) $(PROTO) $(MODEL) $(AUDIO)
	$(LINK) $(WRAP) $^ $(call libs,$(PKGS)) $(CHECK_LIBS) -o $@

.SECONDARY:

test: deps-test ## install what is missing, build and run every test
	@$(MAKE) --no-print-directory all $(TESTS)
	@BUILD=$(BUILD) SAN=$(SAN) tests/run $(TESTS) $(sort $(wildcard tests/e2e/test_*))

unit: $(if $(T),$(BUILD)/tests/$(T),$(TESTS)) ## the Check programs only (T=model/test_lstm for one)
	@BUILD=$(BUILD) SAN=$(SAN) tests/run $(if $(T),$(BUILD)/tests/$(T),$(TESTS))

e2e: all ## the tests that run the built program
	@BUILD=$(BUILD) SAN=$(SAN) tests/run $(sort $(wildcard tests/e2e/test_*))

valgrind: $(TESTS) ## the Check programs under memcheck (T=model/test_lstm for one)
	@tests/valgrind $(if $(T),$(BUILD)/tests/$(T),$(TESTS))

# ---- quality ----------------------------------------------------------------------------------
C_FILES := $(wildcard audio/*.[ch] model/*.[ch] model/kernels/*.[ch] proto/*.[ch] server/*.[ch] tests/*/*.[ch])

lint: ## formatting, layering, clang-tidy, shell scripts
	@tests/lint/layers
	@clang-format --dry-run -Werror $(C_FILES)
	@# SC2317 takes the functions that check() is given for code that nothing calls, SC2119 a
	@# function's optional arguments for the script's.
	@shellcheck -x -P SCRIPTDIR -e SC2317,SC2119 $(shell git grep -lE '^#!.*bash' -- .ci deploy tests)
	@# One file a run: clang-tidy 14 calls a va_list uninitialised in the second file that has one.
	@printf '%s\n' $(wildcard audio/*.c model/*.c proto/*.c server/*.c) | \
	  xargs -P 2 -I{} clang-tidy --quiet --warnings-as-errors='*' {} -- \
	    -I. -std=c11 $(DEFINES) $(PKG_CFLAGS) 2>/dev/null
	@$(foreach f,$(KERNELS),clang-tidy --quiet --warnings-as-errors='*' $(f) -- \
	    -I. -std=c11 $(call isa,$(f)) $(DEFINES) $(PKG_CFLAGS) 2>/dev/null &&) true
	@# The other processor's kernels, with nothing but its compiler: they must not rot.
	@[ "$(TARGET)" != x86_64 ] || for f in kernel pack prepare portable neon_f32; do \
	  aarch64-linux-gnu-gcc -I. $(WARN) -Werror -O3 $(MATH) -c model/kernels/$$f.c -o /dev/null || exit 1; done
	@echo "lint: clean"

BENCH_SRC := $(wildcard tests/bench/bench_*.c)
BENCH_BIN := $(BENCH_SRC:%.c=$(BUILD)/%)
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(SERVER) $(PROTO) $(MODEL) $(AUDIO)
	$(LINK) $^ $(call libs,$(PKGS)) -o $@

bench: all $(BENCH_BIN) ## benchmarks, one JSON object a line
	@BUILD=$(BUILD) tests/bench/run $(BENCH)

FUZZ_SECONDS ?= 20
fuzz: ## a short run of every libFuzzer target (FUZZ_SECONDS each)
	@$(MAKE) --no-print-directory CC=clang SAN=fuzzer-no-link,address,undefined CFLAGS="-O1 -g" fuzz-targets
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run build/fuzzer-no-link-address-undefined

FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:%.c=$(BUILD)/%)
.PHONY: fuzz-targets
fuzz-targets: $(FUZZ_BIN)
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(PROTO) $(MODEL) $(AUDIO)
	$(CC) $(CFLAGS) -fsanitize=fuzzer,address,undefined $^ $(call libs,$(PKGS_proto) $(PKGS_model) $(PKGS_audio)) -o $@

# ---- install ----------------------------------------------------------------------------------
MODEL_FILES = $(filter-out %.md,$(wildcard model/en/*.*)) model/en/NOTICE
install: all ## install under DESTDIR and PREFIX
	install -D -m 755 $(BUILD)/scribed $(DESTDIR)$(PREFIX)/bin/scribed
	install -d $(DESTDIR)$(PREFIX)/share/scribed/en $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(sort $(MODEL_FILES)) $(DESTDIR)$(PREFIX)/share/scribed/en/
	install -m 644 deploy/scribed.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|' deploy/scribed.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/scribed.service

clean: ## remove build/
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

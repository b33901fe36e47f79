# A plain front for Meson: `make` builds, the other targets are what people type.
MESON ?= meson
SECONDS_EACH ?= 20

all: build/release/build.ninja
	ninja -C build/release
	ln -sf release/src/mermoz build/mermoz

build/release/build.ninja:
	$(MESON) setup build/release -Dtests=false -Dwerror=false

install: all
	$(MESON) install -C build/release

demo:
	./demo

check:
	./check

fuzz:
	tools/fuzz $(SECONDS_EACH)

lint:
	tools/lint

bench:
	bench/run

clean:
	rm -rf build

.PHONY: all install demo check fuzz lint bench clean

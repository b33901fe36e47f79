# A plain front for Meson: `make` builds, the other targets are what people type.
BUILD ?= build
MESON ?= meson

all: $(BUILD)/release/build.ninja
	ninja -C $(BUILD)/release

$(BUILD)/release/build.ninja:
	$(MESON) setup $(BUILD)/release -Dtests=false

demo:
	./demo

check:
	./check

clean:
	rm -rf $(BUILD)

.PHONY: all demo check clean

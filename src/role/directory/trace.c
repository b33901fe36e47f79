#include "role/directory/trace.h"

static const struct {
	const char *word, *sentence;
} steps[TRACE_STEPS] = {
#define STEP(id, word, sentence) { word, sentence },
#include "role/directory/trace.def"
#undef STEP
};

const char *
trace_word(enum trace_step step)
{
	return steps[step].word;
}

const char *
trace_sentence(enum trace_step step)
{
	return steps[step].sentence;
}

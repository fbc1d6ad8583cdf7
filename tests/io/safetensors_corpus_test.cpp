#include "fuzz/safetensors_fuzz.cpp"

#include "support/fuzz_corpus.h"

COPPICE_TEST_CORPUS(safetensors)

/* fox-pack.c - the verbs of fox-pack. */
#include "convert/pack.h"
#include "format/base/io.h"
#include "format/base/opt.h"

static const struct fox_verb verbs[] = {
    {"sign", "list files with their SHA-256, and sign the list", fox_verb_sign},
    {"compress", "a GGUF file to a smaller one that expands to the same bytes", fox_verb_compress},
    {"expand", "the GGUF file in a compressed one, proven", fox_verb_expand},
    {"split", "write a container as a set of shards", fox_verb_split},
    {"merge", "write a set of shards as one container", fox_verb_merge},
    {"bundle", "a model, its licence, card and checksums as one reproducible archive", fox_verb_bundle},
    {"unpack", "an archive into a folder, which appears when all of it is proven", fox_verb_unpack},
    {"oci", "a model as an OCI image layout, for registries", fox_verb_oci},
    {"modelfile", "a Modelfile beside a model, for ollama", fox_verb_modelfile},
    {NULL, NULL, NULL},
};

static const struct fox_tool tool = {
    .name = "fox-pack",
    .summary = "package a model: shards, archives, signatures, registry layouts",
    .usage = "fox-pack VERB ...        fox-pack VERB --help tells more",
};

int main(int argc, char **argv)
{
	fox_signals_init();
	return fox_verbs_run(&tool, verbs, argc, argv);
}

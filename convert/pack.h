/* pack.h - the verbs of fox-pack and fox-convert: one file convert/verb_*.c each, which holds its option table and prints what came of it; the
 * work is elsewhere. spec/pack.md */
#ifndef FOX_PACK_H
#define FOX_PACK_H

/* As struct fox_verb asks: argv[0] is the verb; the exit status is returned. */
int fox_verb_sign(int argc, char **argv);
int fox_verb_compress(int argc, char **argv);
int fox_verb_expand(int argc, char **argv);
int fox_verb_split(int argc, char **argv);
int fox_verb_merge(int argc, char **argv);
int fox_verb_set(int argc, char **argv); /* of fox-convert: spec/edit.md */
int fox_verb_bundle(int argc, char **argv);
int fox_verb_unpack(int argc, char **argv);
int fox_verb_oci(int argc, char **argv);
int fox_verb_modelfile(int argc, char **argv);

#endif

/* dtype_tab.c - element types of sources. */
#include "format/source.h"

/* source: safetensors 0.8, enum Dtype (names and bits) */
const struct fox_dtype_info fox_dtypes[FOX_DT_COUNT] = {
    [FOX_DT_F64] = {"F64", 64, false},
    [FOX_DT_F32] = {"F32", 32, true},
    [FOX_DT_F16] = {"F16", 16, true},
    [FOX_DT_BF16] = {"BF16", 16, true},
    [FOX_DT_I64] = {"I64", 64, false},
    [FOX_DT_I32] = {"I32", 32, false},
    [FOX_DT_I16] = {"I16", 16, false},
    [FOX_DT_I8] = {"I8", 8, false},
    [FOX_DT_U64] = {"U64", 64, false},
    [FOX_DT_U32] = {"U32", 32, false},
    [FOX_DT_U16] = {"U16", 16, false},
    [FOX_DT_U8] = {"U8", 8, false},
    [FOX_DT_BOOL] = {"BOOL", 8, false},
    [FOX_DT_C64] = {"C64", 64, false},
    [FOX_DT_F8_E4M3] = {"F8_E4M3", 8, false},
    [FOX_DT_F8_E5M2] = {"F8_E5M2", 8, false},
    [FOX_DT_F8_E8M0] = {"F8_E8M0", 8, false},
    [FOX_DT_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8, false},
    [FOX_DT_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8, false},
    [FOX_DT_F6_E2M3] = {"F6_E2M3", 6, false},
    [FOX_DT_F6_E3M2] = {"F6_E3M2", 6, false},
    [FOX_DT_F4] = {"F4", 4, false},
};

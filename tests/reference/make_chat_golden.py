#!/usr/bin/env python3
"""What transformers renders from chat templates, for tests/unit/t_chat.c: writes tests/golden/chat.json.

    pip install -r tests/reference/requirements.txt
    python tests/reference/make_chat_golden.py          # from the repository root

The templates are our own: each gives, in other words, what the published template of a family gives (checked apart: fox-run
recognises those too), or tries out one rule of Jinja. bos is <bos>, eos <eos>, and today is 26 Jul 2025.
"""
import datetime
import json

import transformers
from transformers.utils import chat_template_utils

assert transformers.__version__ == "5.23.0"

CHATML = ("{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
LLAMA3 = """{{- bos_token }}
%s{%- for m in rest %%}
    {{- '<|start_header_id|>' ~ m['role'] ~ '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}
{%- endfor %%}
{%- if add_generation_prompt %%}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %%}
"""
DATED = """{%- if messages[0]['role'] == 'system' %}
    {%- set told = messages[0]['content'] | trim %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set told, rest = '', messages %}
{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\nCutting Knowledge Date: December 2023\\nToday Date: ' }}
{{- day + '\\n\\n' + told + '<|eot_id|>' }}
""".replace("{%- set told, rest = '', messages %}", "{%- set told = '' %}\n    {%- set rest = messages %}")
SPLIT = """{%- if messages[0].role == 'system' %}{%- set told = messages[0].content %}{%- set rest = messages[1:] %}
{%- else %}{%- set rest = messages %}{%- endif %}
{{- bos_token }}
{%- for m in rest %}
    {%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{- raise_exception('out of order') }}{%- endif %}
"""


def mistral(before, after, answer, told="loop.last"):
    return SPLIT + """    {%%- if m.role == 'user' %%}
        {{- '%s' }}{%%- if %s and told is defined %%}{{- told + '\\n\\n' }}{%%- endif %%}{{- m.content + '%s' }}
    {%%- else %%}
        {{- %s }}
    {%%- endif %%}
{%%- endfor %%}""" % (before, told, after, answer)


FORMATS = {
    "chatml": CHATML,
    "chatml, default system": "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe good.<|im_end|>\n' }}"
                              "{% endif %}" + CHATML,
    "chatml, thoughts dropped": """{%- set ns = namespace(seen=0) %}
{%- for m in messages[::-1] %}{%- if m.role == "user" %}{%- set ns.seen = ns.seen + 1 %}{%- endif %}{%- endfor %}
{%- if ns.seen < 1 %}{{- raise_exception("no question") }}{%- endif %}
{%- for m in messages %}
    {%- set c = m.content %}
    {%- if m.role == "assistant" and '</think>' in c %}
        {%- set c = c.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {{- '<|im_start|>' ~ m.role ~ '\\n' ~ c ~ '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}""",
    "phi4": "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '<|im_sep|>' + m['content'] + '<|im_end|>' }}{% endfor %}"
            "{{ '<|im_start|>assistant<|im_sep|>' if add_generation_prompt else '' }}",
    "phi3": "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
    "llama3": LLAMA3.replace("%%", "%").replace("%s", "{%- set rest = messages %}\n"),
    "llama3.1": LLAMA3.replace("%%", "%").replace("%s", "{%- set day = '26 Jul 2024' %}\n" + DATED),
    "llama3.2": LLAMA3.replace("%%", "%").replace(
        "%s", "{%- set day = strftime_now('%d %b %Y') if strftime_now is defined else '26 Jul 2024' %}\n" + DATED),
    "gemma": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system text here') }}{% endif %}"
             "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
             "{{ raise_exception('roles') }}{% endif %}{% set who = 'model' if m['role'] == 'assistant' else m['role'] %}"
             "{{ '<start_of_turn>' + who + '\n' + m['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
             "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
    "gemma, system text before the first": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- set first = messages[0]['content'] + '\n\n' -%}
    {%- set rest = messages[1:] -%}
{%- else -%}
    {%- set first = "" -%}
    {%- set rest = messages -%}
{%- endif -%}
{%- for m in rest -%}
    {%- if m['role'] == 'assistant' -%}{%- set who = "model" -%}{%- else -%}{%- set who = m['role'] -%}{%- endif -%}
    {{ '<start_of_turn>' + who + '\n' + (first if loop.first else "") }}
    {%- if m['content'] is string -%}
        {{ m['content'] | trim }}
    {%- elif m['content'] is iterable -%}
        {{ m['content'] | unknown_filter }}
    {%- endif -%}
    {{ '<end_of_turn>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\n'}}
{%- endif -%}
""",
    "zephyr": """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}""",
    "zephyr-open": "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}{% endfor %}"
                   "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
    "olmo2": "{{ bos_token }}{% for m in messages %}{% if m.role != 'assistant' %}{{ '<|' + m.role + '|>\n' + m.content + '\n' }}"
             "{% else %}{{ '<|assistant|>\n' + m.content + eos_token }}{% if not loop.last %}{{ '\n' }}{% endif %}{% endif %}"
             "{% if loop.last and add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}{% endfor %}",
    "llama2": SPLIT.replace("{{- bos_token }}", "") + """    {%- set c = m.content %}
    {%- if loop.index0 == 0 and told is defined %}
        {%- set c = '<<SYS>>\\n' + told + '\\n<</SYS>>\\n\\n' + c %}
    {%- endif %}
    {{- bos_token + '[INST] ' + c.strip() + ' [/INST]' if m.role == 'user' else ' ' + c.strip() + ' ' + eos_token }}
{%- endfor %}""",
    "mistral-v1-blank": "{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
                        "{{ raise_exception('roles') }}{% endif %}{% if m['role'] == 'user' %}"
                        "{{ '[INST] ' + m['content'] + ' [/INST]' }}{% else %}{{ m['content'] + eos_token + ' ' }}{% endif %}"
                        "{% endfor %}",
    "mistral-v1-bare": mistral("[INST] ", " [/INST]", "m.content + eos_token", "loop.first"),
    "mistral-v1": mistral(" [INST] ", " [/INST]", "' ' + m.content + eos_token"),
    "mistral-v3": mistral("[INST] ", "[/INST]", "' ' + m.content | trim + eos_token"),
    "mistral-v3-tekken": mistral("[INST]", "[/INST]", "m.content + eos_token"),
    "mistral-v7": "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + '[/INST]' }}"
                  "{% elif m.role == 'system' %}{{ '[SYSTEM_PROMPT] ' + m.content + '[/SYSTEM_PROMPT]' }}"
                  "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}",
    "mistral-v7-tekken": "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST]' + m.content + '[/INST]' }}"
                         "{% elif m.role == 'system' %}{{ '[SYSTEM_PROMPT]' + m.content + '[/SYSTEM_PROMPT]' }}"
                         "{% else %}{{ m.content + eos_token }}{% endif %}{% endfor %}",
}

# One rule each; not chat formats.
RULES = [
    "a\n  {% if true %}\n  b\n  {% endif %}\nc\n",
    "a\n  {%- if true -%}\n  b\n  {%- endif -%}\nc\n\n",
    "a {%+ if true +%}\n b{% endif %} \n c",
    "  {% if true %}x{% endif %}\n\n y",
    "x{# note #}\n  {# note #}\n y {#- note -#} \n z",
    "{{ 'a' }}\n{{- 'b' -}}\n {{ 'c' }}",
    "{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }},{% endfor %}",
    "{% set x = 1 %}{% for m in messages %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
    "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% set n = namespace(a=1, b='x') %}{% for m in messages %}{% set n.a = n.a + 1 %}{% endfor %}{{ n.a }}{{ n.b }}{{ n.c }}",
    "{% for m in messages if m.role == 'user' %}{{ loop.index }}{{ m.content }}{% else %}none{% endfor %}",
    "{% for m in [] %}x{% else %}empty{% endfor %}",
    "{{ 1 if false }}|{{ none }}|{{ true }}|{{ undefined_name }}|{{ -3 + 2 }}|{{ 7 % 4 }}|{{ 1 - -1 }}",
    "{{ 'a' ~ 1 ~ none ~ nothing }}{{ 'x' in 'axb' }}{{ 'x' not in ['x'] }}{{ '' in 'a' }}{{ 'role' in messages[0] }}",
    "{{ not true or true and false }}{{ (1 == 1) != (2 == 3) }}{{ '' or 'b' }}{{ 'a' and 'b' }}{{ none or 0 }}",
    "{{ messages | length }}{{ messages[-1].content }}{{ (messages[9].role is defined) if false else 'skip' }}",
    "{{ messages[9] is defined }}{{ messages[0].x is defined }}{{ (messages[0]['content'][0] is defined) if false }}",
    "{{ 'abc' is string }}{{ 1 is number }}{{ messages is iterable }}{{ messages[0] is mapping }}{{ none is none }}"
    "{{ tools is none }}{{ tools is defined }}{{ true is true }}{{ 1 is boolean }}{{ x is not defined }}{{ messages is string }}",
    "{{ '  a '.strip() }}|{{ ' xax '.strip(' x') }}|{{ 'aab'.lstrip('a') }}|{{ 'baa'.rstrip('a') }}|{{ '\\n a\\n'.lstrip() }}|",
    "{{ 'a--b--c'.split('--')[1] }}{{ 'a--b'.split('--') | length }}{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith('ab') }}",
    "{{ messages[1:] | length }}{{ messages[:1] | length }}{{ messages[::-1][0].content }}{{ messages[5:] | length }}"
    "{{ messages[-1:] | length }}{{ messages[:-1] | length }}{{ messages[2:1] | length }}",
    "{{ (messages | selectattr('role', 'equalto', 'user') | list)[-1].content }}{{ messages[0].get('zz') }}",
    "{{ '\u3000\xa0x\x1f\x85' | trim }}|{{ '\u200bx\ufeff' | trim }}|{{ 'é🦊' | length }}",
    "{{ \"it's\" + 'a \"b\"' + 'tab\\tquote\\'back\\\\' }}",
    "{% if messages | length > 2 and messages | length <= 3 %}three{% elif messages %}some{% else %}none{% endif %}",
    "{{ strftime_now('%d %b %Y') }}{{ bos_token + eos_token }}",
    "a{{ raise_exception('stop') }}b",
    "{{ messages == messages if false else 'ok' }}{% if false %}{{ messages | tojson }}{% endif %}",
    "{{ (2 + 3) ~ 4 }}{{ 'a' + 'b' | trim + 'c' }}{{ 'a' if true else 'b' + 'c' }}{{ 1 < 2 }}{{ 2 >= 3 }}{{ 1 != 1 }}",
    "{%- for m in messages -%}\n\n {{ m.role }} \n{%- endfor %}\n",
    "\n\n{% if true %}\n\nx{% endif %}\n\n\n",
    "{{- '' }}\n {{ '' -}}\n x",
]

ODD = ["Hello", "  blanks around \n", "two\n\nlines", "<|im_end|>\n", "\xe9\xa0", "x\n\n", "<think>a</think>\n\nb", "{{ 1 }}", "0"]


def conversations():
    for k in range(12):
        turns = [{"role": "system", "content": ODD[k % len(ODD)]}] if k % 2 else []
        for i in range(2 * (k // 2 % 3) + 1):
            turns.append({"role": "assistant" if i % 2 else "user", "content": ODD[(k // 2 + 2 + i * 4) % len(ODD)]})
        yield turns


def render(template, messages, prompt):
    compiled = chat_template_utils._compile_jinja_template(template)
    try:
        return compiled.render(messages=messages, tools=None, documents=None, add_generation_prompt=prompt, bos_token="<bos>",
                               eos_token="<eos>", strftime_now=lambda f: datetime.date(2025, 7, 26).strftime(f))
    except Exception as e:
        assert type(e).__name__ == "TemplateError", e
        return None


def main():
    out = {"formats": [], "rules": []}
    for name, template in FORMATS.items():
        template = template.replace("unknown_filter", "tojson")  # in a branch that never runs
        cases = [{"messages": m, "text": render(template, m, True)} for m in conversations()]
        out["formats"].append({"name": name, "template": template, "cases": cases})
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]
    for template in RULES:
        out["rules"].append({"template": template, "messages": messages, "text": render(template, messages, False)})
    with open("tests/golden/chat.json", "w") as f:
        json.dump(out, f, ensure_ascii=True, indent=0)
        f.write("\n")


if __name__ == "__main__":
    main()

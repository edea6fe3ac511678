/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <stdarg.h>
#include <stddef.h>

#include "s3rec/s3rec.h"

/* Colours are variables, so the dark scheme is one block. Printed pages are always light. Charts
 * have eight colours (.s0 to .s7) and, for more curves, dashes. */
static const char *const style_sheet[] = {
    ":root { --paper: #fff; --ink: #1b1f24; --soft: #57606a; --rule: #d0d7de; --panel: #f6f8fa;",
    "  --shade: #0004;",
    "  --c0: #1f5fbf; --c1: #c2410c; --c2: #15803d; --c3: #8b2fc9; --c4: #0e7490; --c5: #be185d;",
    "  --c6: #8a6100; --c7: #475569; }",
    "@media screen and (prefers-color-scheme: dark) {",
    "  :root { --paper: #14181d; --ink: #e6e9ec; --soft: #a3adb8; --rule: #3a424c;",
    "    --shade: #000c; --panel: #1d232a;",
    "    --c0: #7db3ff; --c1: #ff9e64; --c2: #6ee09a; --c3: #cda5ff;",
    "    --c4: #5fd7e6; --c5: #ff8ac0; --c6: #e6c35c; --c7: #b3bfcc; } }",
    "* { box-sizing: border-box; }",
    "html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }",
    "body { margin: 0; background: var(--paper); color: var(--ink);",
    "  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }",
    "main, footer { max-width: 72rem; margin: 0 auto; padding: 1rem; }",
    "h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; overflow-wrap: anywhere; }",
    "h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; padding-top: .5rem;",
    "  border-top: 1px solid var(--rule); }",
    "h3 { font-size: 1.05rem; margin: 1.25rem 0 .5rem; overflow-wrap: anywhere; }",
    "p { margin: .5rem 0; max-width: 44rem; }",
    ".soft, footer, figcaption, caption { color: var(--soft); font-size: .9rem; }",
    ".tiles { display: grid; gap: .75rem; margin: 1rem 0; padding: 0;",
    "  grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); }",
    ".tiles div { background: var(--panel); border: 1px solid var(--rule); border-radius: .5rem;",
    "  padding: .5rem .75rem; }",
    ".tiles dt { color: var(--soft); font-size: .85rem; }",
    ".tiles dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; }",
    ".charts { display: grid; gap: 1.25rem 2rem; align-items: start;",
    "  grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); }",
    "figure { margin: 0; min-width: 0; }",
    ".charts .scroll { margin: 0; min-width: 0; }",
    "figcaption { color: var(--ink); font-weight: 600; }",
    ".items { margin: .25rem 0; padding-left: 1.2rem; overflow-wrap: anywhere; }",
    "svg { display: block; width: 100%; max-width: 40rem; height: auto; }",
    "svg text { fill: var(--soft); font-size: 12px; font-family: inherit; }",
    ".grid { stroke: var(--rule); stroke-width: 1; }",
    ".line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }",
    ".dot { fill: var(--c); }",
    ".ring { fill: var(--paper); stroke: var(--c); stroke-width: 2; }",
    ".d1 { stroke-dasharray: 7 4; }",
    ".d2 { stroke-dasharray: 2 4; }",
    ".s0 { --c: var(--c0); } .s1 { --c: var(--c1); } .s2 { --c: var(--c2); }",
    ".s3 { --c: var(--c3); } .s4 { --c: var(--c4); } .s5 { --c: var(--c5); }",
    ".s6 { --c: var(--c6); } .s7 { --c: var(--c7); }",
    ".legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1rem;",
    "  margin: .25rem 0; padding: 0; font-size: .9rem; }",
    ".legend li { overflow-wrap: anywhere; }",
    ".legend svg { display: inline-block; width: 2rem; height: .8rem; margin-right: .35rem; }",
    /* A shadow on each side on which a table can be scrolled. At the ends of the table a cover,
     * which scrolls with it, hides the shadow. */
    ".scroll { overflow-x: auto; margin: .75rem 0; background-color: var(--paper);",
    "  background-image: linear-gradient(to right, var(--paper) 40%, transparent),",
    "    linear-gradient(to left, var(--paper) 40%, transparent),",
    "    linear-gradient(to right, var(--shade), transparent),",
    "    linear-gradient(to left, var(--shade), transparent);",
    "  background-position: 0 0, 100% 0, 0 0, 100% 0; background-repeat: no-repeat;",
    "  background-size: 2.4rem 100%, 2.4rem 100%, .9rem 100%, .9rem 100%;",
    "  background-attachment: local, local, scroll, scroll; }",
    "table { border-collapse: collapse; font-size: .93rem; font-variant-numeric: tabular-nums; }",
    "caption { text-align: left; padding-bottom: .25rem; }",
    "th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;",
    "  border-bottom: 1px solid var(--rule); white-space: nowrap; }",
    "thead th { border-bottom-width: 2px; }",
    ".number { text-align: right; padding-left: .5rem; }",
    ".wrap { white-space: normal; min-width: 10rem; overflow-wrap: break-word; }",
    "tr.differs th, tr.differs td, .best { font-weight: 700; }",
    "tr.hit td, tr.hit th { background: var(--panel); font-weight: 700; }",
    "summary { cursor: pointer; padding: .4rem 0; font-weight: 600; overflow-wrap: anywhere; }",
    "@media (max-width: 40rem) { .wrap { min-width: 7rem; } }",
    "@media print {",
    "  @page { margin: 15mm; }",
    "  html { font-size: 10pt; }",
    "  body { font-size: 1rem; }",
    "  main, footer { max-width: none; padding: 0; }",
    "  .scroll { overflow: visible; background: none; }",
    "  table { font-size: 8pt; }",
    "  .charts table { font-size: 7.5pt; }",
    "  th, td { white-space: normal; padding-right: .3rem; }",
    "  figure, tr, table, .tiles { break-inside: avoid; }",
    "  h2, h3, .soft { break-after: avoid; }",
    "  .charts { grid-template-columns: 1fr 1fr; }",
    "  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }",
};

/* Bytes of the UTF-8 character at `text`; 0 if there is none, or if it is a control character,
 * which a page must not hold. */
static size_t character_length(const unsigned char *text) {
  if (text[0] < 0x80) return text[0] >= 0x20 && text[0] != 0x7f;
  const size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
  if (text[0] < 0xc2 || text[0] > 0xf4) return 0;
  for (size_t i = 1; i < length; i++)
    if ((text[i] & 0xc0) != 0x80) return 0;
  const unsigned second = text[1];
  if (text[0] == 0xc2 && second < 0xa0) return 0; /* control characters of two bytes */
  if ((text[0] == 0xe0 && second < 0xa0) || (text[0] == 0xed && second > 0x9f)) return 0;
  if ((text[0] == 0xf0 && second < 0x90) || (text[0] == 0xf4 && second > 0x8f)) return 0;
  return length;
}

static const char *entity_of(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return NULL;
  }
}

void html_text(FILE *stream, const char *text) {
  while (*text != '\0') {
    const size_t length = character_length((const unsigned char *)text);
    const char *const replacement = length == 0 ? "\xef\xbf\xbd" : entity_of(*text);
    if (replacement != NULL)
      fputs(replacement, stream);
    else
      fwrite(text, 1, length, stream);
    text += length == 0 ? 1 : length;
  }
}

void html_format(FILE *stream, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  html_text(stream, text);
}

void html_page_begin(FILE *stream, const char *title) {
  fputs(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      /* With this the browser refuses to load or run anything. */
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'\">\n<title>",
      stream);
  html_text(stream, title);
  fputs("</title>\n<style>\n", stream);
  for (size_t i = 0; i < sizeof style_sheet / sizeof style_sheet[0]; i++)
    fprintf(stream, "%s\n", style_sheet[i]);
  fputs("</style>\n</head>\n<body>\n<main>\n<h1>", stream);
  html_text(stream, title);
  fputs("</h1>\n", stream);
}

void html_page_end(FILE *stream) {
  fprintf(stream, "</main>\n<footer>Written by s3rec %s.</footer>\n</body>\n</html>\n",
          s3rec_version());
}

void html_section_begin(FILE *stream, const char *id, const char *heading) {
  fprintf(stream, "<section id=\"%s\" aria-labelledby=\"%s-heading\">\n<h2 id=\"%s-heading\">", id,
          id, id);
  html_text(stream, heading);
  fputs("</h2>\n", stream);
}

void html_section_end(FILE *stream) { fputs("</section>\n", stream); }

static const char *const cell_classes[] = {"", " class=\"number\"", " class=\"number best\"",
                                           " class=\"wrap\""};

void html_table_begin(FILE *stream, const char *caption) {
  fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", stream);
  html_text(stream, caption);
  fputs("\">\n<table>\n<caption>", stream);
  html_text(stream, caption);
  fputs("</caption>\n", stream);
}

void html_table_end(FILE *stream) { fputs("</tbody>\n</table>\n</div>\n", stream); }

void html_head_begin(FILE *stream) { fputs("<thead>\n<tr>", stream); }

void html_head_cell(FILE *stream, html_cell kind, const char *text) {
  fprintf(stream, "<th scope=\"col\"%s>", cell_classes[kind]);
  html_text(stream, text);
  fputs("</th>", stream);
}

void html_head_end(FILE *stream) { fputs("</tr>\n</thead>\n<tbody>\n", stream); }

void html_row_begin(FILE *stream, const char *style) {
  if (style == NULL)
    fputs("<tr>", stream);
  else
    fprintf(stream, "<tr class=\"%s\">", style);
}

/* Names from files may be written right to left; <bdi> limits this direction to the name. */
static void write_cell_text(FILE *stream, const char *format, va_list arguments) {
  char text[512];
  vsnprintf(text, sizeof text, format, arguments);
  fputs("<bdi>", stream);
  html_text(stream, text);
  fputs("</bdi>", stream);
}

void html_row_head(FILE *stream, html_cell kind, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stream, "<th scope=\"row\"%s>", cell_classes[kind]);
  write_cell_text(stream, format, arguments);
  fputs("</th>", stream);
  va_end(arguments);
}

void html_row_cell(FILE *stream, html_cell kind, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stream, "<td%s>", cell_classes[kind]);
  write_cell_text(stream, format, arguments);
  fputs("</td>", stream);
  va_end(arguments);
}

void html_row_end(FILE *stream) { fputs("</tr>\n", stream); }

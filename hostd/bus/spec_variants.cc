// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/bus/spec_variants.h"

#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {

namespace {

GVariant* ToVariant(const std::vector<vmspec::Note>& notes) {
  GVariantBuilder list;
  g_variant_builder_init(&list, G_VARIANT_TYPE("a(sus)"));
  for (const vmspec::Note& note : notes) {
    g_variant_builder_add(&list, "(sus)", Safe(note.origin.file).c_str(), note.origin.line,
                          Safe(note.message).c_str());
  }
  return g_variant_builder_end(&list);
}

std::vector<vmspec::Note> NotesFrom(GVariant* list) {
  std::vector<vmspec::Note> notes;
  for (gsize i = 0; i < g_variant_n_children(list); ++i) {
    const char *file = nullptr, *message = nullptr;
    guint32 line = 0;
    g_variant_get_child(list, i, "(&su&s)", &file, &line, &message);
    notes.push_back({{file, line, 0, 1}, message});
  }
  return notes;
}

vmspec::Diagnostic DiagnosticFrom(GVariant* tuple) {
  const char *code = nullptr, *message = nullptr, *file = nullptr, *label = nullptr,
             *help = nullptr;
  vmspec::Origin origin;
  gboolean warning = FALSE;
  GVariant* notes = nullptr;
  g_variant_get(tuple, "(&s&s&suuu&s&sb@a(sus))", &code, &message, &file, &origin.line,
                &origin.column, &origin.length, &label, &help, &warning, &notes);
  VariantPtr owned(notes);
  origin.file = file;
  return {code, message, std::move(origin), label, help, warning != FALSE, NotesFrom(notes)};
}

}  // namespace

std::string Safe(const std::string& text) {
  bool good = g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr) != FALSE;
  return good ? text : Printable(text, text.size() * 4);
}

GVariant* ToVariant(const std::vector<vmspec::Diagnostic>& diagnostics) {
  GVariantBuilder list;
  g_variant_builder_init(&list, G_VARIANT_TYPE(kDiagnosticsType));
  for (const auto& d : diagnostics) {
    g_variant_builder_add(&list, "(sssuuussb@a(sus))", Safe(d.code).c_str(),
                          Safe(d.message).c_str(), Safe(d.origin.file).c_str(), d.origin.line,
                          d.origin.column, d.origin.length, Safe(d.label).c_str(),
                          Safe(d.help).c_str(), d.warning ? TRUE : FALSE, ToVariant(d.notes));
  }
  return g_variant_builder_end(&list);
}

std::vector<vmspec::Diagnostic> DiagnosticsFrom(GVariant* list) {
  std::vector<vmspec::Diagnostic> all;
  for (gsize i = 0; i < g_variant_n_children(list); ++i) {
    VariantPtr tuple(g_variant_get_child_value(list, i));
    all.push_back(DiagnosticFrom(tuple.get()));
  }
  return all;
}

GVariant* ToVariant(const vmspec::SpecFiles& files) {
  GVariantBuilder dict;
  g_variant_builder_init(&dict, G_VARIANT_TYPE("a{ss}"));
  for (const auto& [path, content] : files) {
    g_variant_builder_add(&dict, "{ss}", Safe(path).c_str(), Safe(content).c_str());
  }
  return g_variant_builder_end(&dict);
}

vmspec::SpecFiles SpecFilesFrom(GVariant* dict) {
  vmspec::SpecFiles files;
  for (gsize i = 0; i < g_variant_n_children(dict); ++i) {
    const char* path = nullptr;
    const char* content = nullptr;
    g_variant_get_child(dict, i, "{&s&s}", &path, &content);
    files[path] = content;
  }
  return files;
}

}  // namespace bulkhead::hostd

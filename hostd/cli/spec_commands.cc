// SPDX-License-Identifier: GPL-2.0-or-later
/// spec check, apply, show
#include <ostream>

#include "hostd/cli/command.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/spec.h"

namespace bulkhead::cli {

namespace {

using vmspec::CheckedSpec;
using vmspec::Diagnostic;
using vmspec::SpecFiles;

constexpr std::chrono::minutes kApplyDeadline{2};

Json ToJson(const std::vector<vmspec::Note>& notes) {
  JsonArray all;
  for (const vmspec::Note& note : notes) {
    all.push_back(JsonMembers{{"file", note.origin.file},
                              {"line", std::int64_t{note.origin.line}},
                              {"message", note.message}});
  }
  return all;
}

Json ToJson(const Diagnostic& d) {
  return JsonMembers{{"code", d.code},
                     {"message", d.message},
                     {"file", d.origin.file},
                     {"line", std::int64_t{d.origin.line}},
                     {"column", std::int64_t{d.origin.column}},
                     {"label", d.label},
                     {"help", d.help},
                     {"warning", d.warning},
                     {"notes", ToJson(d.notes)}};
}

Json ToJson(const CheckedSpec& checked, bool applied) {
  JsonArray all;
  for (const Diagnostic& d : checked.diagnostics) all.push_back(ToJson(d));
  return JsonMembers{{"ok", checked.ok()}, {"applied", applied}, {"diagnostics", std::move(all)}};
}

GVariant* ToVariant(const SpecFiles& files) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  for (const auto& [path, content] : files) {
    g_variant_builder_add(&builder, "{ss}", path.c_str(), content.c_str());
  }
  return g_variant_new("(a{ss})", &builder);
}

/// hostd's list in our own form, so that both print alike; it does not carry the caret's length.
std::vector<Diagnostic> FromVariant(GVariant* list) {
  std::vector<Diagnostic> all;
  for (gsize i = 0; i < g_variant_n_children(list); ++i) {
    const char *code = nullptr, *message = nullptr, *file = nullptr, *label = nullptr,
               *help = nullptr;
    guint32 line = 0;
    guint32 column = 0;
    gboolean warning = FALSE;
    g_variant_get_child(list, i, "(&s&s&suu&s&sb)", &code, &message, &file, &line, &column, &label,
                        &help, &warning);
    all.push_back({code, message, {file, line, column, 1}, label, help, warning != FALSE});
  }
  return all;
}

/// D-Bus strings are UTF-8 without NUL: hostd would never see such a file.
Status CanTravel(const SpecFiles& files) {
  for (const auto& [path, content] : files) {
    if (g_utf8_validate_len(content.data(), content.size(), nullptr) == FALSE) {
      return Fail(ErrorCode::kInvalid, Printable(path) + " is not UTF-8 text: save it as UTF-8");
    }
  }
  return {};
}

int Report(const Context& context, const SpecFiles& files, const CheckedSpec& checked,
           bool applied) {
  if (context.json()) {
    context.Print(ToJson(checked, applied));
  } else {
    context.out() << vmspec::FormatDiagnostics(files, checked, context.around().colour);
  }
  return checked.ok() ? kExitOk : kExitFailure;
}

Result<CheckedSpec> SendSpec(Context& context, const SpecFiles& files) {
  if (Status fit = CanTravel(files); !fit) return Propagate(fit);
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto answer = (*host)->Call("ApplySpec", ToVariant(files), "(a(sssuussb))", kApplyDeadline);
  if (!answer) return Propagate(answer);
  VariantPtr list(g_variant_get_child_value(answer->get(), 0));
  CheckedSpec checked;
  checked.diagnostics = FromVariant(list.get());
  return checked;
}

}  // namespace

Result<int> SpecCheck(Context& context, const Arguments& arguments) {
  auto files = vmspec::ReadSpecFolder(arguments.positional[0]);
  if (!files) return Propagate(files);
  return Report(context, *files, vmspec::CheckSpec(*files), false);
}

Result<int> SpecApply(Context& context, const Arguments& arguments) {
  auto files = vmspec::ReadSpecFolder(arguments.positional[0]);
  if (!files) return Propagate(files);
  // A fault is shown without hostd, with the whole of its underlined text; hostd checks again.
  CheckedSpec local = vmspec::CheckSpec(*files);
  if (!local.ok()) return Report(context, *files, local, false);
  auto checked = SendSpec(context, *files);
  if (!checked) return Propagate(checked);
  checked->levels = local.levels;
  checked->flows = local.flows;
  int exit_code = Report(context, *files, *checked, checked->ok());
  if (checked->ok() && !context.json()) context.out() << "Applied.\n";
  return exit_code;
}

Result<int> SpecShow(Context& context, const Arguments&) {
  auto host = context.Host();
  if (!host) return Propagate(host);
  auto answer = (*host)->Call("GetSpec", nullptr, "(a{ss})");
  if (!answer) return Propagate(answer);
  VariantPtr list(g_variant_get_child_value(answer->get(), 0));
  JsonMembers all;
  for (gsize i = 0; i < g_variant_n_children(list.get()); ++i) {
    const char* path = nullptr;
    const char* content = nullptr;
    g_variant_get_child(list.get(), i, "{&s&s}", &path, &content);
    all.emplace_back(path, content);
    if (!context.json()) {
      context.out() << "# " << Printable(path) << "\n" << PrintableLines(content) << "\n";
    }
  }
  if (context.json()) context.Print(Json(JsonMembers{{"files", std::move(all)}}));
  if (!context.json() && g_variant_n_children(list.get()) == 0) {
    context.out() << "No spec set is applied: bulkhead spec apply DIR\n";
  }
  return kExitOk;
}

}  // namespace bulkhead::cli

// SPDX-License-Identifier: GPL-2.0-or-later
/// FormatDiagnostics: a diagnostic as a good compiler shows it.
#include <algorithm>
#include <span>

#include "vmspec/base/sanitize.h"
#include "vmspec/source_line.h"
#include "vmspec/spec.h"

namespace bulkhead::vmspec {

namespace {

/// ANSI colours, or nothing.
struct Palette {
  const char* error = "";
  const char* warning = "";
  const char* gutter = "";
  const char* reset = "";
};
constexpr Palette kPlain{};
constexpr Palette kAnsi{"\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[0m"};

class Formatter {
 public:
  Formatter(const SpecFiles& files, const Palette& palette) : files_(files), colour_(palette) {}

  void Add(const Diagnostic& d) {
    // What comes over the bus may come from anyone: nothing below is printed as it is.
    accent_ = d.warning ? colour_.warning : colour_.error;
    out_ += accent_ + std::string(d.warning ? "warning" : "error") + "[" + Printable(d.code, 16) +
            "]" + colour_.reset + ": " + Sentence(d.message) + "\n";
    std::string number = std::to_string(d.origin.line);
    width_ = std::max<std::size_t>(number.size(), 2);
    AddPlace(d.origin);
    bool shown = d.origin.line > 0 && AddSource(d, number);
    if (!shown && !d.label.empty()) AddNote("note", d.label);
    std::span<const Note> notes = NotesToShow(d);
    if (shown && (!notes.empty() || !d.help.empty())) Gutter("", "");
    AddNotes(notes);
    if (!d.help.empty()) AddNote("help", d.help);
    out_ += "\n";
  }

  [[nodiscard]] std::string Take() { return std::move(out_); }

 private:
  /// Our own sentences pass unchanged: what they quote is escaped already, backslash and all.
  static std::string Sentence(const std::string& text) {
    std::string line = PrintableLines(text.substr(0, 4096));
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::replace(line.begin(), line.end(), '\t', ' ');
    return line;
  }

  void AddPlace(const Origin& origin) {
    if (origin.file.empty()) return;
    out_ +=
        std::string(width_, ' ') + colour_.gutter + "--> " + colour_.reset + Printable(origin.file);
    if (origin.line > 0) {
      out_ += ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
    }
    out_ += "\n";
  }

  bool AddSource(const Diagnostic& d, const std::string& number) {
    auto file = files_.find(d.origin.file);
    if (file == files_.end()) return false;
    if (shown_ != &file->second) text_ = SourceText(*(shown_ = &file->second));
    SourceLine line = text_.Show(d.origin);
    Gutter("", "");
    Gutter(number, line.text);
    std::string carets = std::string(line.indent, ' ') + accent_ + std::string(line.carets, '^');
    if (!d.label.empty()) carets += " " + Sentence(d.label);
    Gutter("", carets + colour_.reset);
    return true;
  }

  /// "12 | text"
  void Gutter(const std::string& number, const std::string& text) {
    out_ += colour_.gutter + std::string(width_ - number.size(), ' ') + number + " |" +
            colour_.reset + (text.empty() ? "" : " ") + text + "\n";
  }

  /// Without the only step of a way when it is the line under the caret.
  static std::span<const Note> NotesToShow(const Diagnostic& d) {
    std::span<const Note> notes(d.notes);
    auto is_step = [](const Note& note) { return !note.origin.file.empty(); };
    bool single = std::ranges::count_if(notes, is_step) == 1 && is_step(notes[0]);
    bool here = single && notes[0].origin.ToString() == d.origin.ToString();
    return here ? notes.subspan(1) : notes;
  }

  /// The steps of a way by number, remarks as they come.
  void AddNotes(std::span<const Note> notes) {
    std::size_t step = 0;
    for (const Note& note : notes) {
      if (note.origin.file.empty()) {
        AddNote("note", note.message);
      } else {
        AddNote(std::to_string(++step), Printable(note.origin.ToString()) + ": " + note.message);
      }
    }
  }

  void AddNote(const std::string& kind, const std::string& text) {
    out_ += std::string(width_ + 1, ' ') + colour_.gutter + "= " + colour_.reset + kind + ": " +
            Sentence(text) + "\n";
  }

  const SpecFiles& files_;
  const Palette& colour_;
  const std::string* shown_ = nullptr;  ///< what text_ is of
  SourceText text_;
  std::string accent_;
  std::size_t width_ = 2;
  std::string out_;
};

std::string Counted(std::size_t n, const std::string& word) {
  return std::to_string(n) + " " + word + (n == 1 ? "" : "s");
}

std::string ClosingLine(const SpecFiles& files, const CheckedSpec& checked) {
  auto n = [](auto count) { return static_cast<std::size_t>(count); };
  std::size_t warnings = n(std::count_if(checked.diagnostics.begin(), checked.diagnostics.end(),
                                         [](const Diagnostic& d) { return d.warning; }));
  return Counted(checked.diagnostics.size() - warnings, "error") + ", " +
         Counted(warnings, "warning") + " in " + Counted(files.size(), "file") + " (" +
         Counted(checked.levels, "level") + ", " + Counted(checked.flows, "flow") + ")." +
         (checked.ok() ? "" : " Nothing was applied.") + "\n";
}

}  // namespace

std::string FormatDiagnostics(const SpecFiles& files, const CheckedSpec& checked, bool colour) {
  Formatter formatter(files, colour ? kAnsi : kPlain);
  for (const Diagnostic& diagnostic : checked.diagnostics) formatter.Add(diagnostic);
  return formatter.Take() + ClosingLine(files, checked);
}

}  // namespace bulkhead::vmspec

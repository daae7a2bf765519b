// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead: the administrator's command. All it may do it may do through hostd, over D-Bus.
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "hostd/cli/command.h"

namespace {

std::size_t TerminalWidth() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

bool ColourWanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return (no_colour == nullptr || *no_colour == '\0') && term != nullptr &&
         std::string_view(term) != "dumb";
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that went away ("| head") is an error of a write, not a silent death in mid-record.
  std::signal(SIGPIPE, SIG_IGN);
  bulkhead::cli::Surroundings around{.out = std::cout, .err = std::cerr};
  around.in_is_tty = ::isatty(STDIN_FILENO) == 1;
  around.out_is_tty = ::isatty(STDOUT_FILENO) == 1;
  around.err_is_tty = ::isatty(STDERR_FILENO) == 1;
  if (around.out_is_tty) {
    around.width = TerminalWidth();
    around.colour = ColourWanted();
  }
  std::vector<std::string> words(argv + 1, argv + argc);
  int code = bulkhead::cli::Main(words, around);
  std::cout.flush();
  // Output that did not arrive (full disk) must not look like success.
  if (!std::cout && code == bulkhead::cli::kExitOk) {
    std::cerr << "bulkhead: the output could not be written\n";
    return bulkhead::cli::kExitFailure;
  }
  return code;
}

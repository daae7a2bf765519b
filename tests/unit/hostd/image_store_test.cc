// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/storage/image_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <thread>

#include "tests/unit/hostd/image_fixture.h"

namespace bulkhead::hostd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string ReadFd(int fd) {
  std::string text(16 << 20, '\0');
  ssize_t n = ::read(fd, text.data(), text.size());
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

class ImageStoreTest : public ImageFixture {
 protected:
  Error OpenError(const std::string& name = "minimal") {
    auto image = store_.Open(name);
    EXPECT_FALSE(image) << "it opened";
    return image ? Error{} : image.error();
  }
  Error LoadError(const std::string& manifest) {
    WriteManifest(manifest);
    auto loaded = store_.Load("minimal");
    EXPECT_FALSE(loaded) << manifest.substr(0, 300);
    return loaded ? Error{} : loaded.error();
  }
  /// Makes the files look as old as real ones, so that their digests are remembered.
  void Settle() {
    for (const char* file : {"root.erofs", "vmlinuz", "initrd.img"}) {
      timeval old[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
      ::utimes((image_ + "/" + file).c_str(), old);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(3200));  // ctime cannot be set
  }

  ImageStore store_{images_};
};

TEST_F(ImageStoreTest, AnImageThatIsWhatItsManifestSaysOpens) {
  auto image = store_.Open("minimal");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->manifest.name, "minimal");
  EXPECT_EQ(image->manifest.version, "2026.11+a1");
  EXPECT_EQ(image->manifest.cmdline, "quiet ro");
  EXPECT_EQ(ReadFd(image->root.get()), root_);
  EXPECT_EQ(ReadFd(image->kernel.get()), kernel_);
  EXPECT_EQ(ReadFd(image->initrd.get()), initrd_);
  EXPECT_EQ(::fcntl(image->root.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(::fcntl(image->root.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(ImageStoreTest, AnAbsentImageSaysHowToBuildIt) {
  Error e = OpenError("absent");
  EXPECT_EQ(e.code, ErrorCode::kNotFound);
  EXPECT_THAT(e.message, AllOf(HasSubstr("absent"), HasSubstr("guest-images/build-image")));
}

TEST_F(ImageStoreTest, CannotLeaveTheStoreByItsName) {
  Spill(dir_ / "manifest.json", Manifest());
  for (const char* name :
       {"", ".", "..", "../images/minimal", "minimal/", "/etc", "Minimal", "a b"}) {
    EXPECT_EQ(OpenError(name).code, ErrorCode::kInvalid) << name;
  }
}

TEST_F(ImageStoreTest, CannotRunAFileWithOneOtherBit) {
  for (const char* file : {"root.erofs", "vmlinuz", "initrd.img"}) {
    std::string path = image_ + "/" + file;
    std::string good = Slurp(path);
    std::string bad = good;
    bad.back() = static_cast<char>(bad.back() ^ 1);
    Spill(path, bad);
    Error e = OpenError();
    EXPECT_EQ(e.code, ErrorCode::kCorrupt);
    EXPECT_THAT(e.message, AllOf(HasSubstr("minimal"), HasSubstr(file), HasSubstr(Sum(good)),
                                 HasSubstr(Sum(bad)), HasSubstr("guest-images/build-image")));
    Spill(path, good);
  }
  EXPECT_TRUE(store_.Open("minimal"));
}

TEST_F(ImageStoreTest, CannotRunATruncatedOrLongerFile) {
  Spill(image_ + "/vmlinuz", kernel_.substr(1));
  EXPECT_THAT(OpenError().message, AllOf(HasSubstr("1499999"), HasSubstr("1500000")));
  Spill(image_ + "/vmlinuz", kernel_ + "k");
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
  Spill(image_ + "/vmlinuz", "");
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
}

TEST_F(ImageStoreTest, CannotSwapTwoFiles) {
  Spill(image_ + "/vmlinuz", initrd_);
  Spill(image_ + "/initrd.img", kernel_);
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
}

TEST_F(ImageStoreTest, CannotReachOutsideByASymlink) {
  for (const char* file : {"root.erofs", "vmlinuz", "initrd.img", "manifest.json"}) {
    std::string path = image_ + "/" + file;
    std::filesystem::rename(path, dir_ / "outside");
    std::filesystem::create_symlink(dir_ / "outside", path);
    EXPECT_THAT(OpenError().message, HasSubstr("symbolic link")) << file;
    std::filesystem::remove(path);
    std::filesystem::rename(dir_ / "outside", path);
  }
  std::filesystem::rename(image_, dir_ / "outside");
  std::filesystem::create_directory_symlink(dir_ / "outside", image_);
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
}

TEST_F(ImageStoreTest, CannotHangOnAFifoOrReadAFolder) {
  std::filesystem::remove(image_ + "/vmlinuz");
  ASSERT_EQ(::mkfifo((image_ + "/vmlinuz").c_str(), 0666), 0);
  EXPECT_THAT(OpenError().message, HasSubstr("no regular file"));
  std::filesystem::remove(image_ + "/vmlinuz");
  std::filesystem::create_directory(image_ + "/vmlinuz");
  EXPECT_THAT(OpenError().message, HasSubstr("no regular file"));
  std::filesystem::remove(image_ + "/vmlinuz");
  EXPECT_THAT(OpenError().message, HasSubstr("missing"));
}

TEST_F(ImageStoreTest, CannotBeOfAnotherName) {
  std::filesystem::copy(image_, images_ + "/other");
  EXPECT_THAT(OpenError("other").message, HasSubstr("\"name\""));
}

TEST_F(ImageStoreTest, EveryFaultOfAManifestIsNamed) {
  struct Case {
    std::string from, to, word;
  };
  for (const Case& c : {
           Case{"\"schema\":1", "\"schema\":2", "schema"},
           Case{"\"schema\":1,", "", "schema"},
           Case{"\"schema\":1", "\"schema\":\"1\"", "schema"},
           Case{"\"schema\":1", "\"schema\":1.0", "schema"},
           Case{"\"name\":\"minimal\"", "\"name\":7", "name"},
           Case{"\"name\":\"minimal\"", "\"name\":null", "name"},
           Case{"2026.11+a1", "", "version"},
           Case{"2026.11+a1", "a b", "version"},
           Case{"2026.11+a1", "a\\nb", "version"},
           Case{"2026.11+a1", std::string(129, 'v'), "version"},
           Case{"quiet ro", "quiet\\nro", "cmdline"},
           Case{"quiet ro", "quiet \\u001b[2J", "cmdline"},
           Case{"quiet ro", "caf\xc3\xa9", "cmdline"},
           Case{"quiet ro", std::string(2049, 'c'), "cmdline"},
           Case{"\"cmdline\":\"quiet ro\"", "\"cmdline\":[\"quiet\"]", "cmdline"},
           Case{"\"files\":{", "\"files\":[{", "JSON"},
           Case{"\"files\":{", "\"file\":{", "files"},
           Case{"\"files\":{", "\"files\":{\"../../x\":{},", "files"},
           Case{"\"root.erofs\"", "\"root.squashfs\"", "root.erofs"},
           Case{"\"size\":3000003", "\"size\":-1", "size of root.erofs"},
           Case{"\"size\":3000003", "\"size\":0", "size of root.erofs"},
           Case{"\"size\":3000003", "\"size\":3000003.5", "size of root.erofs"},
           Case{"\"size\":3000003", "\"size\":\"3000003\"", "size of root.erofs"},
           Case{Sum(root_), Sum(root_).substr(2), "sha256 of root.erofs"},
           Case{Sum(root_), Sum(root_) + "00", "sha256 of root.erofs"},
           Case{Sum(root_), std::string(64, 'g'), "sha256 of root.erofs"},
       }) {
    Error e = LoadError(Changed(c.from, c.to));
    EXPECT_EQ(e.code, ErrorCode::kCorrupt) << c.to;
    EXPECT_THAT(e.message, HasSubstr(c.word)) << c.to;
  }
}

TEST_F(ImageStoreTest, TheLongestCommandLineIsTaken) {
  WriteManifest(Changed("quiet ro", std::string(kMaxCmdline, 'c')));
  EXPECT_TRUE(store_.Load("minimal"));
}

TEST_F(ImageStoreTest, CannotFeedWhatIsNoJsonObject) {
  for (const char* text : {"", " ", "null", "[]", "7", "{", "{\"schema\":1", "\xff\xfe", "{}{}",
                           "\"a\"", "{\"a\":}"}) {
    EXPECT_EQ(LoadError(text).code, ErrorCode::kCorrupt) << text;
  }
  EXPECT_EQ(LoadError(std::string("{\"schema\":1\0}", 13)).code, ErrorCode::kCorrupt);
}

TEST_F(ImageStoreTest, CannotExhaustMemoryOrStackByTheManifest) {
  EXPECT_THAT(LoadError(std::string(2 << 20, ' ')).message, HasSubstr("longer than 1 MiB"));
  EXPECT_EQ(LoadError(std::string(1 << 19, '[')).code, ErrorCode::kCorrupt);
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  EXPECT_EQ(LoadError(deep).code, ErrorCode::kCorrupt);
  // json-glib takes comments: a bracket hidden behind a quote in one counts as well.
  EXPECT_EQ(LoadError("/* \" */" + std::string(1 << 19, '[')).code, ErrorCode::kCorrupt);
  EXPECT_EQ(LoadError(std::string(4096, '[')).code, ErrorCode::kCorrupt);
  std::filesystem::resize_file(image_ + "/manifest.json", 1ULL << 40);
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
}

TEST_F(ImageStoreTest, ASecondStartDoesNotHashAgain) {
  root_ = std::string(200 << 20, 'r');
  SetUp();
  Settle();
  auto timed = [&] {
    auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(store_.Open("minimal"));
    return std::chrono::steady_clock::now() - start;
  };
  auto first = timed();
  auto second = timed();
  std::printf("200 MiB image: first %ld us, second %ld us\n",
              static_cast<long>(first / std::chrono::microseconds(1)),
              static_cast<long>(second / std::chrono::microseconds(1)));
  EXPECT_LT(second * 5, first);
}

TEST_F(ImageStoreTest, CannotChangeAFileThatWasProvedOnce) {
  Settle();
  ASSERT_TRUE(store_.Open("minimal"));
  UniqueFd fd(::open((image_ + "/root.erofs").c_str(), O_WRONLY));
  ASSERT_EQ(::pwrite(fd.get(), "X", 1, 5), 1);
  timeval old[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  ASSERT_EQ(::utimes((image_ + "/root.erofs").c_str(), old), 0);  // size and mtime as before
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
}

TEST_F(ImageStoreTest, CannotChangeAFileWithinOneTickOfItsTimes) {
  ASSERT_TRUE(store_.Open("minimal"));
  for (int i = 0; i < 50; ++i) {
    UniqueFd fd(::open((image_ + "/initrd.img").c_str(), O_WRONLY));
    ASSERT_EQ(::pwrite(fd.get(), "X", 1, 0), 1);
    ASSERT_EQ(OpenError().code, ErrorCode::kCorrupt);
    ASSERT_EQ(::pwrite(fd.get(), "i", 1, 0), 1);
    ASSERT_TRUE(store_.Open("minimal"));
  }
}

TEST_F(ImageStoreTest, ManyThreadsMayOpenOneImage) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 10; ++i) EXPECT_TRUE(store_.Open("minimal"));
    });
  }
}

class StageBootTest : public ImageFixture {
 protected:
  VerifiedImage Open() {
    auto image = ImageStore(images_).Open("minimal");
    EXPECT_TRUE(image);
    return std::move(*image);
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat s{};
    return ::lstat(path.c_str(), &s) == 0 ? s.st_mode & 07777 : 0;
  }
  std::string level_ = dir_ / "low";
};

TEST_F(StageBootTest, CopiesKernelAndInitrdWhereQemuCanReadThem) {
  ::umask(077);  // as hostd's
  auto files = StageBoot(Open(), level_);
  ::umask(022);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(Slurp(files->kernel), kernel_);
  EXPECT_EQ(Slurp(files->initrd), initrd_);
  EXPECT_EQ(ModeOf(files->kernel), 0644u);
  EXPECT_EQ(ModeOf(files->initrd), 0644u);
  EXPECT_EQ(ModeOf(level_), 0711u);
  EXPECT_EQ(ModeOf(level_ + "/boot"), 0711u);
}

TEST_F(StageBootTest, EachStartGetsNewFiles) {
  auto image = Open();
  ASSERT_TRUE(StageBoot(image, level_));
  std::string kernel = level_ + "/boot/vmlinuz";
  UniqueFd held(::open(kernel.c_str(), O_RDWR));  // the level before kept it open
  ASSERT_TRUE(StageBoot(image, level_));
  ASSERT_EQ(::pwrite(held.get(), "X", 1, 0), 1);
  EXPECT_EQ(Slurp(kernel), kernel_);
}

TEST_F(StageBootTest, CannotWriteThroughASymlink) {
  auto image = Open();
  std::filesystem::create_directories(level_ + "/boot");
  Spill(dir_ / "precious", "precious");
  std::filesystem::create_symlink(dir_ / "precious", level_ + "/boot/vmlinuz");
  ASSERT_TRUE(StageBoot(image, level_));
  EXPECT_EQ(Slurp(dir_ / "precious"), "precious");
  std::filesystem::remove_all(level_ + "/boot");
  std::filesystem::create_directory_symlink(dir_.path(), level_ + "/boot");
  auto files = StageBoot(image, level_);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kConflict);
}

TEST_F(StageBootTest, CannotBootWhatChangedAfterTheProof) {
  auto image = Open();
  UniqueFd fd(::open((image_ + "/initrd.img").c_str(), O_WRONLY));
  ASSERT_EQ(::pwrite(fd.get(), "X", 1, 0), 1);
  auto files = StageBoot(image, level_);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(std::filesystem::is_empty(level_ + "/boot"));
}

TEST_F(StageBootTest, AFolderOfSomebodyElseIsAConflict) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a folder away";
  std::filesystem::create_directory(level_);
  ASSERT_EQ(::chown(level_.c_str(), 12345, 12345), 0);
  auto files = StageBoot(Open(), level_);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace bulkhead::hostd

using System.Text;
using Orchestrator.Node.Tests.Fake;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Node.Tests.Volumes;

/// <summary>Files that change as one.</summary>
public sealed class AtomicWriterTests : IDisposable
{
    private static readonly VolumeOwner Nobody = new(null, null, false);

    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Programs_open_links_that_lead_through_one_link_to_all_the_files()
    {
        Write(("name", "web"), ("deep/er/file", "x"));

        Assert.Equal("web", Read("name"));
        Assert.Equal("x", Read("deep/er/file"));
        Assert.Equal("..data/name", Link("name"));
        Assert.Equal("..data/deep", Link("deep"));
        Assert.Matches(@"^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+$", Link("..data"));
        Assert.Equal(["..data", Link("..data"), "deep", "name"], Entries());
    }

    [Fact]
    public void Equal_content_is_not_written_again()
    {
        Write(("a", "1"), ("b", "2"));
        string? before = Link("..data");

        Write(("b", "2"), ("a", "1"));

        Assert.Equal(before, Link("..data"));
    }

    [Theory]
    [InlineData("a=1 b=3")]
    [InlineData("a=1")]
    [InlineData("a=1 b=2 c=3")]
    [InlineData("")]
    [InlineData("dir/a=1")]
    [InlineData("a/b=2")] // What was a file is a folder now.
    public void A_change_swaps_all_and_leaves_nothing_of_the_old(string after)
    {
        Write(("a", "1"), ("b", "2"));
        string? before = Link("..data");

        (string, string)[] files = [.. after.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(file => (file.Split('=')[0], file.Split('=')[1]))];
        Write(files);

        Assert.NotEqual(before, Link("..data"));
        Assert.All(files, file => Assert.Equal(file.Item2, Read(file.Item1)));
        Assert.Equal(["..data", Link("..data")!, .. files.Select(file => file.Item1.Split('/')[0]).Distinct().Order(StringComparer.Ordinal)], Entries());
    }

    [Fact]
    public async Task A_reader_that_follows_the_link_sees_all_of_the_old_or_all_of_the_new()
    {
        Write(("a", "0"), ("b", "0"));
        using var ending = new CancellationTokenSource();
        int looks = 0;
        Task<string?> reading = Task.Run(() =>
        {
            while (!ending.IsCancellationRequested)
            {
                string folder = Path.Combine(_root.Path, Link("..data")!);
                string? mixed = Mixed(folder);
                if (mixed is not null)
                    return mixed;
                Interlocked.Increment(ref looks);
            }
            return null;
        });

        for (int round = 1; round < 200 || (Volatile.Read(ref looks) < 20 && !reading.IsCompleted); round++)
            Write(("a", $"{round}"), ("b", $"{round}"));
        await ending.CancelAsync();

        Assert.Null(await reading);
    }

    [Fact]
    public void What_a_write_left_that_did_not_come_to_its_end_is_no_hindrance()
    {
        Write(("a", "1"));
        Directory.CreateDirectory(Path.Combine(_root.Path, "..2020_01_01_00_00_00.1"));
        File.CreateSymbolicLink(Path.Combine(_root.Path, "..data_tmp"), "..2020_01_01_00_00_00.1");
        File.Delete(Path.Combine(_root.Path, "a")); // Killed before it made the names.

        Write(("a", "1"));
        Assert.Equal("1", Read("a"));
        Write(("a", "2"));

        Assert.Equal("2", Read("a"));
        Assert.Equal(["..data", Link("..data"), "a"], Entries());
    }

    [Fact]
    public void Modes_are_what_was_asked_for_whatever_the_processs_own_mask()
    {
        var files = new Dictionary<string, ProjectedFile> { ["open"] = File_("x", 0x1B6), ["key"] = File_("y", 0x100) };

        new AtomicWriter(_root.Path, Nobody, TimeProvider.System).Write(files);

        Assert.Equal(0x1B6, (int)File.GetUnixFileMode(Path.Combine(_root.Path, "..data", "open")));
        Assert.Equal(0x100, (int)File.GetUnixFileMode(Path.Combine(_root.Path, "..data", "key")));
        Assert.Equal(0x1ED, (int)File.GetUnixFileMode(Path.Combine(_root.Path, Link("..data")!)));
    }

    [Fact]
    public void Files_of_a_group_are_the_groups_before_anybody_sees_them()
    {
        uint group = LinuxFiles.StateOf(_root.Path)!.Value.Group;

        new AtomicWriter(_root.Path, new VolumeOwner(group, null, false), TimeProvider.System).Write(
            new Dictionary<string, ProjectedFile> { ["key"] = File_("y", 0x180) });

        Assert.Equal(0x1A0, (int)File.GetUnixFileMode(Path.Combine(_root.Path, "..data", "key"))); // 0600 and for the group to read
        Assert.Equal(0x5ED, (int)File.GetUnixFileMode(Path.Combine(_root.Path, Link("..data")!))); // 02755
    }

    [Theory]
    [InlineData("", "must not be empty")]
    [InlineData("/etc/passwd", "must be relative path")]
    [InlineData("../up", "must not contain '..'")]
    [InlineData("a/../../up", "must not contain '..'")]
    [InlineData("..data", "must not start with '..'")]
    [InlineData("./..data/x", "must not start with '..'")]
    [InlineData(".", "must not be empty")]
    public void A_path_that_leaves_the_folder_or_is_its_own_is_refused_and_changes_nothing(string path, string problem)
    {
        Write(("a", "1"));
        string? before = Link("..data");

        Assert.Contains(problem, Assert.Throws<VolumeException>(() => Write(("b", "2"), (path, "x"))).Message);

        Assert.Equal(before, Link("..data"));
        Assert.Equal(["..data", before, "a"], Entries());
    }

    [Fact]
    public void Names_that_are_too_long_for_the_file_system_are_refused()
    {
        Assert.Contains("filenames must be", Assert.Throws<VolumeException>(() => AtomicWriter.Checked(new string('a', 256))).Message);
        Assert.Contains("or equal to 4096", Assert.Throws<VolumeException>(() => AtomicWriter.Checked(string.Concat(Enumerable.Repeat("ab/", 1400)))).Message);
        Assert.Equal("a/b..c", AtomicWriter.Checked("a//./b..c"));
    }

    private static ProjectedFile File_(string text, int mode) => new(Encoding.UTF8.GetBytes(text), (UnixFileMode)mode);

    private static string? Mixed(string folder)
    {
        try
        {
            string one = File.ReadAllText(Path.Combine(folder, "a"));
            string other = File.ReadAllText(Path.Combine(folder, "b"));
            return one == other ? null : $"{one} {other}";
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null; // Replaced meanwhile.
        }
    }

    private void Write(params (string Path, string Text)[] files) => new AtomicWriter(_root.Path, Nobody, TimeProvider.System).Write(
        files.ToDictionary(file => file.Path, file => File_(file.Text, Projections.DefaultMode)));

    private string Read(string path) => File.ReadAllText(Path.Combine(_root.Path, path));

    private string? Link(string name) => new FileInfo(Path.Combine(_root.Path, name)).LinkTarget;

    private IEnumerable<string?> Entries() =>
        Directory.EnumerateFileSystemEntries(_root.Path, "*", new EnumerationOptions { AttributesToSkip = 0 })
            .Select(entry => Path.GetFileName(entry)).OrderBy(name => name == "..data" ? "" : name, StringComparer.Ordinal);
}

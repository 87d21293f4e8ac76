using System.Net;
using System.Net.Sockets;
using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Disks;
using KvStore.Crash.Tests.Processes;

namespace KvStore.Crash.Tests;

/// <summary>What the program will not start with: it says why, ends with a code that is not zero, and changes nothing.</summary>
public sealed class RefusalTests(UsedDirectory used) : IClassFixture<UsedDirectory>
{
    private static readonly TimeSpan SomeSeconds = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_second_process_on_a_directory_is_refused_and_the_first_goes_on()
    {
        using var directory = new TemporaryDirectory();
        await using var first = await MemberProcess.StartAsync(directory.At("data"));
        using var client = new EtcdClient(first.Url);
        await client.PutAsync("key", "value");

        await AssertRefusedAsync(directory.At("data"), $"the data directory {directory.At("data")} is in use by another process");

        Assert.Equal(3, (await client.PutAsync("key", "value")).Header.Revision);
    }

    [Fact]
    public async Task The_directory_of_an_etcd_is_refused_and_left_as_it_is()
    {
        using var directory = new TemporaryDirectory();
        Directory.CreateDirectory(directory.At("member/snap"));
        Directory.CreateDirectory(directory.At("member/wal"));
        File.WriteAllText(directory.At("member/snap/db"), "another's data");

        await AssertRefusedAndUnchangedAsync(directory.Path, "is no data directory of kvstore (it holds member)", "--data-dir");
    }

    [Fact]
    public async Task A_newer_format_is_refused()
    {
        string data = used.Copy("newer");
        File.WriteAllText(Path.Combine(data, "format"), "kvstore data directory, format 2\n");

        await AssertRefusedAndUnchangedAsync(data, "has format 2, this version reads 1");
    }

    [Fact]
    public async Task A_format_file_that_makes_no_sense_is_refused()
    {
        string data = used.Copy("senseless");
        File.WriteAllText(Path.Combine(data, "format"), "whatever");

        await AssertRefusedAndUnchangedAsync(data, "format is not what kvstore writes");
    }

    [Fact]
    public async Task A_log_that_is_damaged_in_its_middle_is_refused()
    {
        string data = used.Copy("damaged");
        FlipBit(Path.Combine(data, "wal", "0000000000000001.wal"), 4 * 4096 + 60);

        await AssertRefusedAndUnchangedAsync(data, "0000000000000001.wal", "damaged");
    }

    [Fact]
    public async Task A_log_whose_first_segment_is_gone_is_refused()
    {
        string data = used.Copy("gone");
        File.Delete(Path.Combine(data, "wal", "0000000000000001.wal"));

        await AssertRefusedAndUnchangedAsync(data, "holds no write-ahead log");
    }

    [Fact]
    public async Task A_log_that_has_lost_all_its_entries_is_refused()
    {
        string data = used.Copy("empty");
        using (var log = new FileStream(Path.Combine(data, "wal", "0000000000000001.wal"), FileMode.Open, FileAccess.ReadWrite))
        {
            // As a disk leaves it that lies about its syncs: the head is there, the rest was never written.
            long length = log.Length;
            log.SetLength(4096);
            log.SetLength(length);
        }

        await AssertRefusedAndUnchangedAsync(data, "the log is empty though the directory was in use");
    }

    [Fact]
    public async Task A_file_in_the_place_of_the_directory_is_refused()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.At("data"), "a file");

        await AssertRefusedAsync(directory.At("data"), directory.At("data"));

        Assert.Equal("a file", File.ReadAllText(directory.At("data")));
    }

    [Fact]
    public async Task A_directory_that_may_not_be_read_is_refused()
    {
        using var directory = new TemporaryDirectory();
        string data = directory.At("data");
        Directory.CreateDirectory(data, UnixFileMode.None);
        try
        {
            await AssertRefusedAsync(RunWithoutPrivilege(data), data, "denied");
        }
        finally
        {
            File.SetUnixFileMode(data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        Assert.Empty(DirectoryPicture.Of(data));
    }

    [Fact]
    public async Task A_new_directory_is_for_its_owner_only()
    {
        using var directory = new TemporaryDirectory();
        await using var member = await MemberProcess.StartAsync(directory.At("new/data"));

        const UnixFileMode ownerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Assert.Equal(ownerOnly, File.GetUnixFileMode(directory.At("new/data")));
        Assert.All(
            Directory.GetDirectories(directory.At("new/data")), folder => Assert.Equal(ownerOnly, File.GetUnixFileMode(folder)));
    }

    [Theory]
    [InlineData("--listen-client-urls")]
    [InlineData("--listen-peer-urls")]
    public async Task A_port_in_use_is_refused_before_the_data_is_touched(string flag)
    {
        string data = used.Copy("port" + flag);
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        string taken = $"http://127.0.0.1:{((IPEndPoint)other.LocalEndpoint).Port}";

        await AssertRefusedAndUnchangedAsync(data, [$"{flag}={taken}"], taken, flag, "in use");
    }

    [Theory]
    [InlineData("--no-such-flag=1", "no-such-flag")]
    [InlineData("--snapshot-count=many", "snapshot-count")]
    [InlineData("--listen-client-urls=ftp://127.0.0.1:1", "listen-client-urls")]
    [InlineData("--election-timeout=100", "election-timeout")]
    [InlineData("--wal-dir=elsewhere", "wal-dir")]
    [InlineData("--force-new-cluster", "force-new-cluster")]
    [InlineData("--value-memory-bytes=1", "value-memory-bytes")]
    [InlineData("--log-level=loud", "log-level")]
    [InlineData("--cert-file=missing.pem", "cert-file")]
    public async Task A_bad_flag_is_refused_by_its_name(string flag, string name)
    {
        using var directory = new TemporaryDirectory();

        string said = await RefusalAsync(MemberProcess.Run(Arguments(directory.At("data"), [flag])));

        Assert.Contains(name, said);
        Assert.False(Directory.Exists(directory.At("data")));
    }

    private static Task AssertRefusedAndUnchangedAsync(string data, params string[] said) =>
        AssertRefusedAndUnchangedAsync(data, [], said);

    private static async Task AssertRefusedAndUnchangedAsync(string data, string[] flags, params string[] said)
    {
        var before = DirectoryPicture.Of(data);

        await AssertRefusedAsync(MemberProcess.Run(Arguments(data, flags)), said);

        Assert.Equal(before, DirectoryPicture.Of(data));
    }

    private static Task AssertRefusedAsync(string data, params string[] said) =>
        AssertRefusedAsync(MemberProcess.Run(Arguments(data, [])), said);

    private static async Task AssertRefusedAsync(MemberProcess member, params string[] said)
    {
        string log = await RefusalAsync(member);
        string error = Assert.Single(member.Log.Lines, line => line.Contains("\"level\":\"fatal\""));
        Assert.Equal("cannot start", MemberProcess.Field(error, "msg"));
        Assert.All(said, text => Assert.Contains(text, MemberProcess.Field(error, "error")));
        Assert.DoesNotContain("   at ", log); // No stack trace: it is no bug.
    }

    private static async Task<string> RefusalAsync(MemberProcess member)
    {
        await using (member)
        {
            Assert.NotEqual(0, await member.ExitCodeAsync(SomeSeconds));
            return string.Join('\n', member.Log.Lines);
        }
    }

    private static string[] Arguments(string data, IEnumerable<string> flags) =>
        [$"--data-dir={data}", .. MemberProcess.FreePorts, .. flags];

    /// <summary>Root reads everything, unless it gives that privilege up.</summary>
    private static MemberProcess RunWithoutPrivilege(string data) => Environment.IsPrivilegedProcess
        ? MemberProcess.Run(
            "setpriv", ["--bounding-set=-dac_override,-dac_read_search", "--", MemberProcess.Program, .. Arguments(data, [])])
        : MemberProcess.Run(Arguments(data, []));

    private static void FlipBit(string path, long offset)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = offset;
        int value = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(value ^ 1));
    }
}

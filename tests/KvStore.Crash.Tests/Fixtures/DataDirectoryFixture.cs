using System.Formats.Tar;
using System.IO.Compression;
using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Processes;

namespace KvStore.Crash.Tests.Fixtures;

/// <summary>A data directory that an earlier build wrote: tests/fixtures/data-directory-v1.tar.gz. Every later build must open it.</summary>
internal static class DataDirectoryFixture
{
    /// <summary>Set to 1 by tests/scripts/write-data-directory: the fixture is written anew by this build.</summary>
    private const string WriteVariable = "KVSTORE_WRITE_FIXTURE";

    // What a start makes by itself; it would only weigh.
    private static readonly string[] LeftOut = ["reserve", "lock", "next.tmp"];

    public static string Archive { get; } = Path.Combine(RepositoryRoot(), "tests", "fixtures", "data-directory-v1.tar.gz");

    public static bool IsToBeWritten => Environment.GetEnvironmentVariable(WriteVariable) == "1";

    public static async Task WriteAsync()
    {
        using var directory = new TemporaryDirectory();
        await using var member = await MemberProcess.StartAsync(directory.At("data"));
        using (var client = new EtcdClient(member.Url))
            await FixtureScript.RunAsync(client);
        // Killed, so that the tail of the log stays what it is.
        member.Kill();
        await member.ExitCodeAsync();
        foreach (string file in Directory.GetFiles(directory.At("data"), "*", SearchOption.AllDirectories))
        {
            if (LeftOut.Contains(Path.GetFileName(file)))
                File.Delete(file);
        }
        Directory.CreateDirectory(Path.GetDirectoryName(Archive)!);
        await using var archive = new GZipStream(File.Create(Archive), CompressionLevel.SmallestSize);
        await TarFile.CreateFromDirectoryAsync(directory.At("data"), archive, includeBaseDirectory: false);
    }

    public static async Task ExtractAsync(string to)
    {
        Directory.CreateDirectory(to);
        await using var archive = new GZipStream(File.OpenRead(Archive), CompressionMode.Decompress);
        await TarFile.ExtractToDirectoryAsync(archive, to, overwriteFiles: false);
    }

    private static string RepositoryRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "KvStore.sln")))
            directory = Path.GetDirectoryName(directory);
        return directory ?? throw new InvalidOperationException("the tests do not run below the repository");
    }
}

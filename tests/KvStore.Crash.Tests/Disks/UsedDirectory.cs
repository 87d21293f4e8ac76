using KvStore.Crash.Tests.Clients;
using KvStore.Crash.Tests.Processes;

namespace KvStore.Crash.Tests.Disks;

/// <summary>A data directory that a member has written to, made once; each test spoils a copy of its own.</summary>
public sealed class UsedDirectory : IAsyncLifetime
{
    public const int PutCount = 10;

    private readonly TemporaryDirectory _directory = new();

    private string Original => _directory.At("original");

    public async Task InitializeAsync()
    {
        await using var member = await MemberProcess.StartAsync(Original);
        using var client = new EtcdClient(member.Url);
        for (int i = 0; i < PutCount; i++)
            await client.PutAsync($"key{i}", $"value{i}");
        member.Kill();
        await member.ExitCodeAsync();
    }

    public Task DisposeAsync()
    {
        _directory.Dispose();
        return Task.CompletedTask;
    }

    public string Copy(string name)
    {
        string copy = _directory.At(name);
        DirectoryCopy.Make(Original, copy);
        return copy;
    }
}

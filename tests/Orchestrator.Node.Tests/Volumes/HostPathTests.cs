using System.Net.Sockets;
using Orchestrator.Node.Tests.Fake;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Node.Tests.Volumes;

public sealed class HostPathTests : IDisposable
{
    private readonly TemporaryFolder _node = new();
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public HostPathTests()
    {
        Directory.CreateDirectory(At("folder"));
        File.WriteAllText(At("file"), "");
        File.CreateSymbolicLink(At("link"), "folder");
        _socket.Bind(new UnixDomainSocketEndPoint(At("socket")));
    }

    public void Dispose()
    {
        _socket.Dispose();
        _node.Dispose();
    }

    [Theory]
    [InlineData("folder", "")]
    [InlineData("nothing", "")]
    [InlineData("folder", "Directory")]
    [InlineData("link", "Directory")]
    [InlineData("folder", "DirectoryOrCreate")]
    [InlineData("file", "File")]
    [InlineData("file", "FileOrCreate")]
    [InlineData("socket", "Socket")]
    [InlineData("/dev/null", "CharDevice")]
    public async Task What_is_there_as_it_should_be_is_given_as_it_is(string path, string type)
    {
        IVolume volume = new HostPathVolume(At(path), type);

        await volume.SetUpAsync(CancellationToken.None);

        Assert.Equal(At(path), volume.Root);
        Assert.False(volume.IsReadOnly);
        Assert.False(Path.Exists(At("nothing")));
    }

    [Theory]
    [InlineData("file", "Directory", "directory")]
    [InlineData("nothing", "Directory", "directory")]
    [InlineData("file", "DirectoryOrCreate", "directory")]
    [InlineData("folder", "File", "file")]
    [InlineData("folder", "FileOrCreate", "file")]
    [InlineData("nothing", "File", "file")]
    [InlineData("file", "Socket", "socket file")]
    [InlineData("file", "CharDevice", "character device")]
    [InlineData("/dev/null", "BlockDevice", "block device")]
    public async Task What_is_something_else_is_refused_by_its_name(string path, string type, string description)
    {
        var refusal = await Assert.ThrowsAsync<VolumeException>(() => new HostPathVolume(At(path), type).SetUpAsync(CancellationToken.None));

        Assert.Equal($"hostPath type check failed: {At(path)} is not a {description}", refusal.Message);
    }

    [Fact]
    public async Task What_may_be_made_is_made_once()
    {
        await new HostPathVolume(At("new/er"), "DirectoryOrCreate").SetUpAsync(CancellationToken.None);
        await new HostPathVolume(At("new/file"), "FileOrCreate").SetUpAsync(CancellationToken.None);
        File.WriteAllText(At("new/file"), "kept");
        await new HostPathVolume(At("new/file"), "FileOrCreate").SetUpAsync(CancellationToken.None);

        Assert.True(Directory.Exists(At("new/er")));
        Assert.Equal("kept", File.ReadAllText(At("new/file")));
    }

    [Fact]
    public async Task A_file_is_not_made_where_its_folder_is_missing_and_paths_lead_straight_on()
    {
        var missing = await Assert.ThrowsAsync<VolumeException>(() => new HostPathVolume(At("no/file"), "FileOrCreate").SetUpAsync(CancellationToken.None));
        var back = await Assert.ThrowsAsync<VolumeException>(() => new HostPathVolume("/a/../b", "").SetUpAsync(CancellationToken.None));
        var odd = await Assert.ThrowsAsync<VolumeException>(() => new HostPathVolume("/a", "Pipe").SetUpAsync(CancellationToken.None));

        Assert.Equal($"open {At("no/file")}: no such file or directory", missing.Message);
        Assert.Equal("invalid HostPath `/a/../b`: must not contain '..'", back.Message);
        Assert.Equal("Pipe is an invalid volume type", odd.Message);
    }

    private string At(string path) => Path.Combine(_node.Path, path);
}

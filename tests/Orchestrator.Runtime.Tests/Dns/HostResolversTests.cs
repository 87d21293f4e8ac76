using Orchestrator.Runtime.Dns;

namespace Orchestrator.Runtime.Tests.Dns;

public sealed class HostResolversTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("orchestrator-resolvers-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", "192.0.2.1 2001:db8::1", "", "")]
    [InlineData("# nameserver 192.0.2.9\n; search none\nnameserver\t192.0.2.1\r\n", "192.0.2.1", "", "")]
    [InlineData("domain a.example\nsearch b.example. c.example\noptions ndots:2 timeout:1\noptions edns0\n", "", "b.example c.example", "ndots:2 timeout:1 edns0")]
    [InlineData("search b.example\ndomain a.example\n", "", "a.example", "")]
    [InlineData("search .\nnameserver not-an-address\nsortlist x\nnameserver\n", "", ".", "")]
    [InlineData("", "", "", "")]
    public void The_lines_are_read_as_resolvers_do(string text, string servers, string searches, string options)
    {
        var config = HostResolvers.Parse(text);

        Assert.Equal(servers, string.Join(' ', config.Servers));
        Assert.Equal(searches, string.Join(' ', config.Searches));
        Assert.Equal(options, string.Join(' ', config.Options));
    }

    [Theory]
    [InlineData("nameserver 127.0.0.53\nsearch stub\n", "nameserver 192.0.2.1\nsearch real\n", "192.0.2.1:53", "192.0.2.1", "real")]
    [InlineData("nameserver 192.0.2.2\n", "nameserver 192.0.2.1\n", "192.0.2.2:53", "192.0.2.2", "")]
    // Another stub than systemd's: we may ask it, a pod cannot.
    [InlineData("nameserver 127.0.0.1\nsearch stub\n", null, "127.0.0.1:53", "", "stub")]
    [InlineData("nameserver 127.0.0.53\n", "nameserver 127.0.0.53\n", "127.0.0.53:53", "", "")]
    [InlineData("nameserver 127.0.0.1\nnameserver 192.0.2.2\n", null, "127.0.0.1:53 192.0.2.2:53", "192.0.2.2", "")]
    [InlineData(null, "nameserver 192.0.2.1\n", "", "", "")]
    public void Behind_a_stub_the_real_servers_are_found(string? file, string? resolved, string upstreams, string forPods, string searches)
    {
        string path = Path.Combine(_folder, "resolv.conf"), resolvedPath = Path.Combine(_folder, "resolved.conf");
        if (file is not null)
            File.WriteAllText(path, file);
        if (resolved is not null)
            File.WriteAllText(resolvedPath, resolved);

        var resolvers = HostResolvers.Read(path, resolvedPath);

        Assert.Equal(upstreams, string.Join(' ', resolvers.Upstreams));
        Assert.Equal(forPods, string.Join(' ', resolvers.ForPods.Servers));
        Assert.Equal(searches, string.Join(' ', resolvers.ForPods.Searches));
    }
}

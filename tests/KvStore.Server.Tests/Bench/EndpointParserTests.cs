using KvStore.Server.Bench;
using KvStore.Server.Bench.Load;

namespace KvStore.Server.Tests.Bench;

public class EndpointParserTests
{
    [Theory]
    [InlineData("127.0.0.1:2379", "127.0.0.1:2379")]
    [InlineData("http://localhost:1/, http://127.0.0.1:2", "127.0.0.1:1 127.0.0.1:2")]
    [InlineData("[::1]:2379", "[::1]:2379")]
    public void Endpoints_are_read_as_etcdctl_reads_them(string text, string endpoints)
    {
        Assert.Equal(endpoints, string.Join(' ', EndpointParser.Parse(text, allowsRemote: false)));
    }

    [Theory]
    [InlineData("", "names no endpoint")]
    [InlineData("127.0.0.1", "is no endpoint")]
    [InlineData("127.0.0.1:port", "is no endpoint")]
    [InlineData("127.0.0.1:70000", "is no endpoint")]
    [InlineData("https://127.0.0.1:2379", "speaks no TLS")]
    [InlineData("192.0.2.1:2379", "--allow-remote")]
    public void An_endpoint_that_cannot_be_used_is_refused_with_its_reason(string text, string reason)
    {
        Assert.Contains(reason, Assert.Throws<LoadException>(() => EndpointParser.Parse(text, allowsRemote: false)).Message);
    }

    [Fact]
    public void A_remote_server_is_loaded_only_where_that_is_asked_for()
    {
        Assert.Equal("192.0.2.1:2379", EndpointParser.Parse("192.0.2.1:2379", allowsRemote: true)[0].ToString());
    }
}

using System.Net;
using KvStore.Server.Configuration;

namespace KvStore.Server.Tests.Configuration;

public class EtcdUrlTests
{
    [Theory]
    [InlineData("http://127.0.0.1:2379", "http://127.0.0.1:2379")]
    [InlineData(" HTTPS://[::1]:0 ", "https://[::1]:0")]
    [InlineData("http://localhost:2380", "http://localhost:2380")]
    [InlineData("http://:2380", "http://:2380")]
    [InlineData("unix:///run/kv.sock", "unix:///run/kv.sock")]
    [InlineData("unixs://localhost:m1", "unixs://localhost:m1")]
    public void A_url_prints_as_it_was_written(string text, string printed) => Assert.Equal(printed, EtcdUrl.Parse(text).ToString());

    [Theory]
    [InlineData("ftp://127.0.0.1:1", "URL scheme must be http, https, unix, or unixs: ftp://127.0.0.1:1")]
    [InlineData("127.0.0.1:1", "URL scheme must be http, https, unix, or unixs: 127.0.0.1:1")]
    [InlineData("", "URL scheme must be http, https, unix, or unixs: ")]
    [InlineData("http://127.0.0.1", "URL address does not have the form \"host:port\": http://127.0.0.1")]
    [InlineData("http://::1:2379", "URL address does not have the form \"host:port\": http://::1:2379")]
    [InlineData("http://127.0.0.1:1/path", "URL must not contain a path: http://127.0.0.1:1/path")]
    [InlineData("http://127.0.0.1:1/", "URL must not contain a path: http://127.0.0.1:1/")]
    [InlineData("http://127.0.0.1:65536", "URL must have a port from 0 to 65535: http://127.0.0.1:65536")]
    [InlineData("http://127.0.0.1:x", "URL must have a port from 0 to 65535: http://127.0.0.1:x")]
    [InlineData("unix://", "URL must name the file of a socket: unix://")]
    public void A_bad_url_is_refused_in_etcds_words(string text, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => EtcdUrl.Parse(text)).Message);

    [Theory]
    [InlineData("http://example.com:1")]
    [InlineData("http://:1")]
    [InlineData("http://1:1")]
    public void Only_an_address_can_be_bound(string text) =>
        Assert.Equal(
            $"expected IP in URL for binding ({text})",
            Assert.Throws<ConfigurationException>(() => EtcdUrl.Parse(text).BindAddress()).Message);

    [Fact]
    public void Localhost_is_the_loopback_address() =>
        Assert.Equal(IPAddress.Loopback, EtcdUrl.Parse("http://localhost:1").BindAddress());

    [Fact]
    public void A_list_has_each_url_once_in_the_order_of_its_text()
    {
        IReadOnlyList<EtcdUrl> urls = EtcdUrl.ParseList("http://b:2,http://a:1,http://b:2");

        Assert.Equal(["http://a:1", "http://b:2"], urls.Select(url => url.ToString()));
    }

    [Fact]
    public void A_socket_is_host_and_path_together()
    {
        EtcdUrl url = EtcdUrl.Parse("unix://localhost/run/kv.sock");

        Assert.True(url.IsUnixSocket);
        Assert.Equal("localhost/run/kv.sock", url.SocketPath);
    }

    [Fact]
    public void A_bound_port_takes_the_place_of_0() =>
        Assert.Equal("http://[::1]:4711", EtcdUrl.Parse("http://[::1]:0").WithPort(4711).ToString());
}

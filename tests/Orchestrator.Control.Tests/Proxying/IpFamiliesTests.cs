using Orchestrator.Control.Proxying;

namespace Orchestrator.Control.Tests.Proxying;

public sealed class IpFamiliesTests
{
    [Theory]
    [InlineData(IpFamily.IPv4, "10.0.0.1", "10.0.0.1")]
    [InlineData(IpFamily.IPv4, "010.001.000.005", "10.1.0.5")]
    [InlineData(IpFamily.IPv4, "fd00::1", null)]
    [InlineData(IpFamily.IPv4, "10.0.0.1; flush ruleset", null)]
    [InlineData(IpFamily.IPv4, "None", null)]
    [InlineData(IpFamily.IPv4, null, null)]
    [InlineData(IpFamily.IPv6, "FD00:0:0::0001", "fd00::1")]
    [InlineData(IpFamily.IPv6, "fd00:1:0:0:2:0:0:1", "fd00:1::2:0:0:1")]
    [InlineData(IpFamily.IPv6, "10.0.0.1", null)]
    public void An_address_is_written_as_the_kernel_writes_it(IpFamily family, string? text, string? canonical)
    {
        Assert.Equal(canonical, family.Canonical(text));
    }

    [Theory]
    [InlineData(IpFamily.IPv4, "10.0.0.0/8,10.1.0.0/16,192.168.0.0/24,fd00::/8", "10.0.0.0/8,192.168.0.0/24")]
    [InlineData(IpFamily.IPv4, "10.1.0.0/16,10.0.0.0/8,10.0.0.0/8", "10.0.0.0/8")]
    [InlineData(IpFamily.IPv4, "10.0.0.7/32,nonsense", "10.0.0.7")]
    [InlineData(IpFamily.IPv6, "fd00::/8,10.0.0.0/8,fd00::1/128", "fd00::/8")]
    public void Ranges_do_not_overlap(IpFamily family, string cidrs, string ranges)
    {
        Assert.Equal(ranges, string.Join(',', family.Ranges(cidrs.Split(','))));
    }
}

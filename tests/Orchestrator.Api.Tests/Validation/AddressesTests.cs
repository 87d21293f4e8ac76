using Orchestrator.Api.Validation;

namespace Orchestrator.Api.Tests.Validation;

public sealed class AddressesTests
{
    [Theory]
    [InlineData("10.9.8.7", true)]
    [InlineData("0.0.0.0", true)]
    [InlineData("255.255.255.255", true)]
    [InlineData("010.001.000.005", true)]
    [InlineData("256.1.1.1", false)]
    [InlineData("1.2.3", false)]
    [InlineData("1.2.3.4.5", false)]
    [InlineData("1.2.3.x", false)]
    [InlineData("", false)]
    [InlineData("::", true)]
    [InlineData("::1", true)]
    [InlineData("2001:db8::ffff", true)]
    [InlineData("1:2:3:4:5:6:7:8", true)]
    [InlineData("1:2:3:4:5:6:7", false)]
    [InlineData("1:2:3:4:5:6:7:8:9", false)]
    [InlineData("1::2::3", false)]
    [InlineData("::ffff:10.0.0.1", true)]
    [InlineData("fe80::1%eth0", false)]
    [InlineData("12345::", false)]
    [InlineData(":1", false)]
    public void An_address_is_read_in_every_notation(string text, bool expected) => Assert.Equal(expected, Addresses.TryParse(text, out _));

    [Theory]
    [InlineData("10.0.0.0/8", "10.255.0.1", true)]
    [InlineData("10.0.0.0/8", "11.0.0.1", false)]
    [InlineData("10.0.0.0/32", "10.0.0.0", true)]
    [InlineData("0.0.0.0/0", "1.2.3.4", true)]
    [InlineData("fd00::/8", "fd12::1", true)]
    [InlineData("fd00::/8", "10.0.0.1", false)]
    [InlineData("10.0.0.0/33", "10.0.0.1", false)]
    [InlineData("10.0.0.0/-1", "10.0.0.1", false)]
    public void A_range_holds_the_addresses_of_its_prefix(string range, string address, bool expected) =>
        Assert.Equal(expected, Addresses.Contains(range, address));

    [Fact]
    public void An_IPv4_address_in_IPv6_notation_is_the_same_address()
    {
        Addresses.TryParse("::ffff:10.0.0.1", out var mapped);
        Addresses.TryParse("10.0.0.1", out var plain);

        Assert.Equal(plain, mapped);
    }
}

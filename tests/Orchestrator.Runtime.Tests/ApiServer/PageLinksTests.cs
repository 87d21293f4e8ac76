using System.Text;
using Orchestrator.Runtime.ApiServer.Subresources;

namespace Orchestrator.Runtime.Tests.ApiServer;

/// <summary>Links of pages that are reached at <c>/p</c>, of a server that calls itself <c>http://10.0.0.1:8080</c>.</summary>
public sealed class PageLinksTests
{
    [Theory]
    [InlineData("""<a href="/x?y=1&amp;z#f">t</a>""", """<a href="/p/x?y=1&amp;z#f">t</a>""")]
    [InlineData("""<A CLASS=b HREF='/x'>""", """<A CLASS=b HREF='/p/x'>""")]
    [InlineData("<img src=/x.png alt=y><link href=/s.css/>", "<img src=/p/x.png alt=y><link href=/p/s.css/>")]
    [InlineData("""<form action = "/">""", """<form action = "/p/">""")]
    [InlineData("""<a href="http://10.0.0.1:8080/x">""", """<a href="/p/x">""")]
    [InlineData("""<a href="http://10.0.0.1:8080">""", """<a href="/p/">""")]
    [InlineData("""<a href="//10.0.0.1:8080/x">""", """<a href="/p/x">""")]
    [InlineData("""<script src="/a.js">document.write('<a href="/b">')</script><a href="/c">""", """<script src="/p/a.js">document.write('<a href="/b">')</script><a href="/p/c">""")]
    // What leads elsewhere, or is right as it is.
    [InlineData("""<a href="x/y">""", null)]
    [InlineData("""<a href="?q"><a href="#f"><a href="">""", null)]
    [InlineData("""<a href="/p/x"><a href="/p">""", null)]
    [InlineData("""<a href="http://10.0.0.1/x">""", null)]
    [InlineData("""<a href="https://example.com/x">""", null)]
    [InlineData("""<a href="//example.com/x">""", null)]
    [InlineData("""<a href="javascript:go('/x')">""", null)]
    [InlineData("""<a title="/x" data-href="/x"><div href="/x">""", null)]
    // What is no tag, and what is broken.
    [InlineData("""<!-- <a href="/x"> --><!DOCTYPE html><?x <a?>1 < 2 <""", null)]
    [InlineData("<a href", null)]
    [InlineData("<a href=", null)]
    [InlineData("<a =/x", null)]
    [InlineData("<script>var a = '<a href=/x>'", null)]
    [InlineData("<!-- <a href=/x>", null)]
    [InlineData("", null)]
    public void Addresses_at_the_root_are_moved_below_the_path(string page, string? expected)
    {
        var site = new ProxiedSite(new Uri("http://10.0.0.1:8080/index"), "/p");

        Assert.Equal(expected ?? page, Encoding.UTF8.GetString(PageLinks.Rewrite(Encoding.UTF8.GetBytes(page), site.Link)));
    }

    [Fact]
    public void Bytes_of_any_encoding_stay_as_they_are()
    {
        byte[] page = [.. Enumerable.Range(0, 256).Select(value => (byte)value), .. "<a title=\"grün\">"u8, .. "<a title="u8, 0xFF, 0xFE, (byte)'>'];

        Assert.Equal(page, PageLinks.Rewrite(page, link => "/p" + link));
    }

    [Fact]
    public void Pages_of_random_pieces_come_to_an_end_and_lose_nothing()
    {
        string[] pieces = ["<", ">", "<a ", "href", "=", "\"", "'", "/x", " ", "<!--", "-->", "</", "<script", "/>", "é", "<?", "\n"];
        var random = new Random(7);
        for (int round = 0; round < 20_000; round++)
        {
            string page = string.Concat(Enumerable.Range(0, random.Next(1, 14)).Select(_ => pieces[random.Next(pieces.Length)]));

            string same = Encoding.UTF8.GetString(PageLinks.Rewrite(Encoding.UTF8.GetBytes(page), link => link));
            string marked = Encoding.UTF8.GetString(PageLinks.Rewrite(Encoding.UTF8.GetBytes(page), link => "~" + link));

            Assert.Equal(page, same);
            Assert.Equal(page, marked.Replace("~", "", StringComparison.Ordinal));
        }
    }
}

using System.Text;
using KvStore.Server.Telemetry;

namespace KvStore.Server.Tests.Telemetry;

public class PrometheusTextTests
{
    [Fact]
    public void Help_and_labels_are_escaped()
    {
        var text = new PrometheusText();
        var labels = new StringBuilder();
        PrometheusText.AppendLabel(labels, "a", "x\"\\\n");
        PrometheusText.AppendLabel(labels, "b.c", "");
        text.WriteHead("m", "two\nlines \\", "gauge");
        text.WriteSample("m", $"{{{labels}}}", 5);
        text.WriteSample("m", "_sum", "", 0.1);

        Assert.Equal(
            "# HELP m two\\nlines \\\\\n# TYPE m gauge\nm{a=\"x\\\"\\\\\\n\",b_c=\"\"} 5\nm_sum 0.1\n",
            Encoding.UTF8.GetString(text.Written));
    }

    [Theory]
    [InlineData(double.PositiveInfinity, "+Inf")]
    [InlineData(double.NegativeInfinity, "-Inf")]
    [InlineData(double.NaN, "NaN")]
    [InlineData(1e21, "1E+21")]
    [InlineData(0.001, "0.001")]
    public void Numbers_are_written_as_Prometheus_reads_them(double value, string text) =>
        Assert.Equal(text, PrometheusText.Number(value));

    [Fact]
    public void Foreign_names_are_made_fit() => Assert.Equal("_dotnet_gc_x:1", PrometheusText.Name("1dotnet.gc-x:1"));

    [Theory]
    [InlineData("Limit  Soft  Hard\nMax open files            20000                20000                files\n", 20000)]
    [InlineData("Max open files            unlimited            unlimited            files\n", long.MaxValue)]
    [InlineData("nothing of the kind\n", 0)]
    public void The_limit_of_descriptors_is_read_from_proc(string limits, long expected) =>
        Assert.Equal(expected, ProcessMetrics.ParseDescriptorLimit(limits));
}

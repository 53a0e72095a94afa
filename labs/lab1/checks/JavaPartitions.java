// How java_partitions.json was made: java -cp kafka-clients-4.1.1.jar:slf4j-api.jar JavaPartitions.java
// It prints, for each key, the partition that the producer of Kafka's Java client gives it, by number of partitions.

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

public class JavaPartitions {
    static final int[] COUNTS = {1, 3, 4, 7, 12};

    public static void main(String[] args) throws Exception {
        var keys = new ArrayList<>(List.of("", "a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh",
            "é", "ÿ", "Ключ", "客户-17", "🛒", "naïve café", "\u0000", " ", "A", "21", "foobar", "a-little-bit-long-string",
            "a-little-bit-longer-string", "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", "x".repeat(301)));
        for (int i = 0; i < 20; i++) keys.add("order-" + i);
        for (int i = 0; i < 8; i++) keys.add("kunde-ß-" + i);
        var lines = new ArrayList<String>();
        for (var key : keys) {
            var partitions = new ArrayList<String>();
            for (int count : COUNTS)
                partitions.add("\"" + count + "\": "
                    + BuiltInPartitioner.partitionForKey(key.getBytes(StandardCharsets.UTF_8), count));
            lines.add("  \"" + key.replace("\u0000", "\\u0000") + "\": {" + String.join(", ", partitions) + "}");
        }
        new java.io.PrintStream(System.out, true, "UTF-8").println("{\n" + String.join(",\n", lines) + "\n}");
    }
}
